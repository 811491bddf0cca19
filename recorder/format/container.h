// The bytes of a recording on disk: a header, then chunks, each of which can be checked and read alone.
//
// The format is made for a machine of up to 1 TiB of RAM (512 MiB is usual), of which the snapshot keeps the
// pages that are not zero; for a log of a few bytes per 1000 instructions (some 10 MB for the boot of a Linux
// guest) that grows for hours, by up to a million entries per second; and for a recorder that may be killed
// at any moment. So the file is only appended to, what was written is not touched again, and a reader needs
// nothing from the end of the file: it finds the chunks by walking their headers (it reads one page per
// chunk, and a 2 GiB guest has a few thousand chunks).
//
//   file header, 24 bytes
//      0  magic "PANDAREC"
//      8  u32 format version
//     12  u32 zero
//     16  u64 XXH3 of bytes 0 to 15
//   chunk header, 40 bytes, followed by `stored size` bytes: one zstd frame
//      0  magic "PNDC"
//      4  u32 type (ChunkType)
//      8  u32 number of the chunk, counted from 0
//     12  u32 zero
//     16  u32 raw size: of the frame's content
//     20  u32 stored size
//     24  u64 XXH3 of the stored bytes
//     32  u64 XXH3 of bytes 0 to 31 of this header
//
// All numbers are little-endian. Chunks come in this order: facts, blocks, then the snapshot (processor once,
// map once per address space, devices at most once, memory any number of times, constants at most once and
// constant data any number of times, in any order), snapshot_end, then log chunks, and the trailer. A file
// without its trailer was cut short and holds everything up to its last whole chunk; a file without
// snapshot_end is useless. The content of a chunk is described in values.h (facts, blocks, map, devices,
// memory, constants, trailer) and in log_coding.h (log).
//
// Versions: the file header and its checksum stay the same in every version; anything else may change. A
// reader knows exactly one version.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "common/bytes.h"

namespace panda::recording {

inline constexpr uint32_t format_version = 3;
inline constexpr size_t file_header_size = 24;
inline constexpr size_t chunk_header_size = 40;

enum class ChunkType : uint32_t {
    facts = 0,
    blocks = 1,
    processor = 2,
    map = 3,
    memory = 4,
    snapshot_end = 5,
    log = 6,
    trailer = 7,
    constants = 8,
    constant_data = 9,
    devices = 10,
};
inline constexpr unsigned chunk_types = 11;

// The limits of the format, enforced by writer and reader alike.
inline constexpr uint64_t maximum_memory = uint64_t{1} << 40;  // bytes, all blocks together
inline constexpr size_t maximum_blocks = 4096;
inline constexpr size_t maximum_facts = 1000;
inline constexpr size_t maximum_devices = 4096;
inline constexpr size_t maximum_constants = 128 << 20;  // bytes, all together
inline constexpr size_t maximum_constant_files = 256;
inline constexpr size_t maximum_string = 64 << 10;       // bytes
inline constexpr size_t maximum_ranges = 64 << 10;       // of one memory map
inline constexpr size_t maximum_entry_data = 1 << 20;    // bytes; longer device writes become several entries
inline constexpr size_t maximum_memory_chunk = 1 << 20;  // bytes of pages in one memory chunk
inline constexpr size_t maximum_constant_chunk = 1 << 20;  // bytes in one chunk of constant data
inline constexpr uint64_t page_size = 4096;

// The largest content that a chunk of this type may claim, in bytes. This bounds what a reader allocates
// because a header says so.
uint32_t maximum_raw_size(ChunkType type);

const char* chunk_type_name(ChunkType type);

struct ChunkHeader {
    ChunkType type = ChunkType::facts;
    uint32_t number = 0;
    uint32_t raw_size = 0;
    uint32_t stored_size = 0;
    uint64_t checksum = 0;
};

std::array<std::byte, file_header_size> encode_file_header();
std::array<std::byte, chunk_header_size> encode_chunk_header(const ChunkHeader& header);

// Checks the first bytes of a file. If it is not a recording that can be read, throws an Error that says why.
void check_file_header(std::span<const std::byte> file);

// Decodes and checks one chunk header. expected_number: the chunk's place in the file. Throws Error.
ChunkHeader decode_chunk_header(std::span<const std::byte, chunk_header_size> bytes,
                                uint32_t expected_number);

}  // namespace panda::recording
