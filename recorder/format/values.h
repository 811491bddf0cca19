// The contents of all chunks except those of the log, to and from bytes. Every decoder throws Error on what
// the limits of container.h forbid and on what contradicts itself; the caller adds the file and the place.
//
//   facts         varint count; each: string name, string text                (string: varint size, bytes)
//   blocks        varint count; each: string name, varint size
//   processor     as the engine gave it
//   map           varint address space, varint count; each range: varint gap to the end of the range before,
//                 varint size, varint block, varint block offset, u8 kind
//   memory        the pages; then for each run of consecutive pages: u32 first page, u32 pages; u32 runs,
//                 u32 block. The table is at the end so that the pages are copied only once
//   constants     varint count; each: string name, varint size
//   constant data the bytes of all constants, one after the other, cut anywhere
//   devices       varint count; each: string model, string place, u8 kind
//   snapshot_end  nothing
//   trailer       varint instr and exceptions at the end; 16 times varint entries and varint bytes, by kind;
//                 varint count, u64 memory hashes; varint count, then for each device, from 0 ("not
//                 known") on, varint writes and varint bytes
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "common/bytes.h"
#include "recorder/format/constants.h"
#include "recorder/format/container.h"
#include "recorder/format/recording.h"
#include "recorder/format/statistics.h"

namespace panda::recording {

// Throws Error when the facts exceed the format's limits, as the other encoders do.
Bytes encode_facts(const Facts& facts);
Facts decode_facts(std::span<const std::byte> bytes);

Bytes encode_blocks(const std::vector<MemoryBlock>& blocks);
std::vector<MemoryBlock> decode_blocks(std::span<const std::byte> bytes);

Bytes encode_devices(const std::vector<Device>& devices);
std::vector<Device> decode_devices(std::span<const std::byte> bytes);

Bytes encode_constants(const std::vector<Constant>& constants);
std::vector<Constant> decode_constants(std::span<const std::byte> bytes);

// blocks: the blocks that the ranges refer to.
Bytes encode_map(const MemoryMap& map, std::span<const MemoryBlock> blocks);
MemoryMap decode_map(std::span<const std::byte> bytes, std::span<const MemoryBlock> blocks);

// How many memory hashes a complete recording of these blocks has.
uint64_t memory_hash_count(std::span<const MemoryBlock> blocks);

struct Trailer {
    Position end;
    std::array<KindStatistics, entry_kinds> kinds{};
    std::vector<uint64_t> memory_hashes;
    std::vector<DeviceStatistics> devices{};  // by Entry::device; may end early
};
Bytes encode_trailer(const Trailer& trailer);
// devices: how many the recording lists.
Trailer decode_trailer(std::span<const std::byte> bytes, std::span<const MemoryBlock> blocks,
                       size_t devices = 0);

// Pages of one block that will become a memory chunk.
class MemoryChunkBuilder {
  public:
    // buffer: an empty one, whose memory is used.
    explicit MemoryChunkBuilder(uint32_t block, Bytes buffer = {})
        : block_(block), pages_(std::move(buffer)) {}
    uint32_t block() const { return block_; }
    bool empty() const { return runs_.empty(); }
    bool full() const { return pages_.size() >= maximum_memory_chunk; }
    // Adds one page. page: its index in the block.
    void add(uint32_t page, std::span<const std::byte, page_size> bytes);
    // The content of the memory chunk. Ends the collection.
    Bytes encode();

  private:
    struct Run {
        uint32_t first;
        uint32_t count;
    };
    uint32_t block_;
    std::vector<Run> runs_;
    Bytes pages_;
};

// Consecutive pages of one block.
struct PageRun {
    uint64_t offset;                   // in the block, bytes
    std::span<const std::byte> bytes;  // whole pages, within the block
};
struct Pages {
    uint32_t block = 0;
    std::vector<PageRun> runs;
};
// The runs refer to `bytes`.
Pages decode_pages(std::span<const std::byte> bytes, std::span<const MemoryBlock> blocks);

}  // namespace panda::recording
