#include "recorder/format/container.h"

#include <algorithm>
#include <cstring>

#include "common/checksum.h"

namespace panda::recording {
namespace {

constexpr std::array<char, 8> file_magic = {'P', 'A', 'N', 'D', 'A', 'R', 'E', 'C'};
constexpr std::array<char, 4> chunk_magic = {'P', 'N', 'D', 'C'};
constexpr size_t checked_file_header = 16;  // bytes before the header's own checksum
constexpr size_t checked_chunk_header = 32;

template <size_t size>
std::array<std::byte, size> to_array(const ByteWriter& writer) {
    std::array<std::byte, size> bytes;
    std::ranges::copy(writer.bytes().first(size), bytes.begin());
    return bytes;
}

}  // namespace

uint32_t maximum_raw_size(ChunkType type) {
    constexpr uint32_t mebibyte = 1 << 20;
    switch (type) {
        case ChunkType::processor:
            return maximum_entry_data;
        case ChunkType::map:
            return 4 * mebibyte;  // maximum_ranges of at most 32 bytes, and a few more
        case ChunkType::memory:
            return 2 * mebibyte;
        case ChunkType::constant_data:
            return maximum_constant_chunk;
        case ChunkType::snapshot_end:
            return 0;
        case ChunkType::facts:
        case ChunkType::blocks:
        case ChunkType::log:
        case ChunkType::trailer:
        case ChunkType::constants:
        case ChunkType::devices:
            break;
    }
    return 128 * mebibyte;
}

const char* chunk_type_name(ChunkType type) {
    static constexpr std::array<const char*, chunk_types> names = {
        "facts", "blocks",  "processor", "map",           "memory", "end of snapshot",
        "log",   "trailer", "constants", "constant data", "devices"};
    return names[static_cast<size_t>(type)];
}

std::array<std::byte, file_header_size> encode_file_header() {
    ByteWriter writer;
    writer.put(file_magic);
    writer.put(format_version);
    writer.put(uint32_t{0});
    writer.put(checksum(writer.bytes()));
    return to_array<file_header_size>(writer);
}

std::array<std::byte, chunk_header_size> encode_chunk_header(const ChunkHeader& header) {
    ByteWriter writer;
    writer.put(chunk_magic);
    writer.put(static_cast<uint32_t>(header.type));
    writer.put(header.number);
    writer.put(uint32_t{0});
    writer.put(header.raw_size);
    writer.put(header.stored_size);
    writer.put(header.checksum);
    writer.put(checksum(writer.bytes()));
    return to_array<chunk_header_size>(writer);
}

void check_file_header(std::span<const std::byte> file) {
    if (file.empty())
        throw Error("the file is empty");
    const size_t magic_size = std::min(file.size(), file_magic.size());
    if (std::memcmp(file.data(), file_magic.data(), magic_size) != 0)
        throw Error("not a recording");
    if (file.size() < file_header_size)
        throw Error("truncated: it ends within the file header");
    ByteReader reader(file.first(file_header_size));
    reader.take(file_magic.size());
    const auto version = reader.get<uint32_t>();
    const auto zero = reader.get<uint32_t>();
    if (reader.get<uint64_t>() != checksum(file.first(checked_file_header)))
        throw Error("the file header is damaged: its checksum does not match");
    if (version > format_version)
        throw Error("written in format version " + std::to_string(version) +
                    ", which is newer than this program's " + std::to_string(format_version));
    if (version < format_version)
        throw Error("written in the old format version " + std::to_string(version) + "; this program reads " +
                    std::to_string(format_version));
    if (zero != 0)
        throw Error("the file header is damaged: a reserved field is not zero");
}

ChunkHeader decode_chunk_header(std::span<const std::byte, chunk_header_size> bytes,
                                uint32_t expected_number) {
    ByteReader reader(bytes);
    if (std::memcmp(reader.take(chunk_magic.size()).data(), chunk_magic.data(), chunk_magic.size()) != 0)
        throw Error("no chunk starts here");
    const auto type = reader.get<uint32_t>();
    ChunkHeader header;
    header.number = reader.get<uint32_t>();
    const auto zero = reader.get<uint32_t>();
    header.raw_size = reader.get<uint32_t>();
    header.stored_size = reader.get<uint32_t>();
    header.checksum = reader.get<uint64_t>();
    if (reader.get<uint64_t>() != checksum(bytes.first<checked_chunk_header>()))
        throw Error("the chunk header is damaged: its checksum does not match");
    if (type >= chunk_types || zero != 0)
        throw Error("a chunk of unknown type " + std::to_string(type));
    if (header.number != expected_number)
        throw Error("it is numbered " + std::to_string(header.number) + ": chunks are missing or misplaced");
    header.type = static_cast<ChunkType>(type);
    if (header.raw_size > maximum_raw_size(header.type))
        throw Error("it claims a content of " + std::to_string(header.raw_size) + " bytes, but at most " +
                    std::to_string(maximum_raw_size(header.type)) + " are allowed");
    return header;
}

}  // namespace panda::recording
