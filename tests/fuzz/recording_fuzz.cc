// Fuzzes every parser of recordings. The first byte of the input chooses:
//   0  the rest is a whole file
//   1  the rest is the content of a log chunk
//   2  the rest is a list of chunks (u8 type, u16 size, content), which is made into a file with right
//      checksums, because checksums keep accidents from the decoders, and would keep the fuzzer from them too
// Run: recording_fuzz CORPUS; `recording_fuzz --write-corpus CORPUS` makes a corpus to start from.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "common/checksum.h"
#include "common/compression.h"
#include "recorder/format/reader.h"

using namespace panda;
using namespace panda::recording;

namespace {

constexpr uint8_t whole_file = 0;
constexpr uint8_t log_content = 1;
constexpr uint8_t chunk_list = 2;

const std::vector<MemoryBlock>& blocks() {
    static const std::vector<MemoryBlock> blocks = {{"ram", 1 << 20}, {"rom", page_size}};
    return blocks;
}

const ConstantPool& constants() {
    static const ConstantPool pool = [] {
        ConstantPool made;
        made.add("kernel", Bytes(2 * ConstantPool::least_write, std::byte{9}));
        return made;
    }();
    return pool;
}

// A file in memory that has a path.
class MemoryFile {
  public:
    explicit MemoryFile(std::span<const std::byte> bytes)
        : descriptor_(::memfd_create("recording", MFD_CLOEXEC)) {
        if (descriptor_ < 0 ||
            ::write(descriptor_, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
            std::abort();
    }
    ~MemoryFile() { ::close(descriptor_); }
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;
    std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

  private:
    int descriptor_;
};

void check(bool condition) {
    if (!condition)
        std::abort();
}

// What readers promise about every entry, whatever the file holds.
void check_entry(const Entry& entry, Position& last, std::span<const MemoryBlock> blocks) {
    check(last <= entry.position);
    last = entry.position;
    if (entry.kind == EntryKind::memory_write)
        check(entry.value < blocks.size() && entry.value2 + entry.data.size() <= blocks[entry.value].size);
    for (const MappedRange& range : entry.map.ranges)
        check(range.block < blocks.size() && range.block_offset + range.size <= blocks[range.block].size);
}

void read_file(std::span<const std::byte> bytes) {
    const MemoryFile file(bytes);
    const RecordingReader reader(file.path());
    reader.statistics();
    reader.read_memory([&](uint32_t block, uint64_t offset, std::span<const std::byte> pages) {
        check(block < reader.blocks().size() && offset + pages.size() <= reader.blocks()[block].size);
    });
    LogCursor log = reader.log();
    Position last;
    for (; log.peek() != nullptr; log.pop())
        check_entry(*log.peek(), last, reader.blocks());
    check(last == reader.last_position());
}

void read_log(std::span<const std::byte> bytes) {
    LogDecoder decoder(Bytes(bytes.begin(), bytes.end()), blocks(), constants().bytes());
    Entry entry;
    Position last;
    while (decoder.next(entry))
        check_entry(entry, last, blocks());
    check(last == decoder.last());
}

Bytes build_file(ByteReader list) {
    ByteWriter file;
    file.put_bytes(encode_file_header());
    for (uint32_t number = 0; !list.at_end(); ++number) {
        const auto type = static_cast<ChunkType>(list.get<uint8_t>() % chunk_types);
        const auto raw = list.take(list.get<uint16_t>());
        const Bytes stored = compress(raw, 1);
        file.put_bytes(encode_chunk_header({type, number, static_cast<uint32_t>(raw.size()),
                                            static_cast<uint32_t>(stored.size()), checksum(stored)}));
        file.put_bytes(stored);
    }
    return file.take();
}

void add_chunk(ByteWriter& list, ChunkType type, std::span<const std::byte> raw) {
    list.put(static_cast<uint8_t>(type));
    list.put(static_cast<uint16_t>(raw.size()));
    list.put_bytes(raw);
}

Bytes sample_log() {
    LogBatch batch(0, 0);
    const Bytes data(16, std::byte{7});
    for (uint64_t i = 0; i < 40; ++i) {
        const Position position = {i * 1000, static_cast<uint32_t>(i % 5 == 0)};
        batch.add(EntryKind::time_stamp, position, (uint64_t{1} << 40) + i * 7000 + i * i, 0, {});
        batch.add(EntryKind::port_read, position, i % 7 == 0 ? 0xffffffff : 0x60, 1, {});
        batch.add(EntryKind::memory_write, position, 0, i * 16, data);
    }
    batch.add(EntryKind::memory_write, {45000, 0}, 0, 0, constants().bytes().first(5000));
    batch.add(EntryKind::memory_map, {50000, 0}, 0, 0,
              encode_map({0, {{0, 4096, 0, 1, RangeKind::rom}}}, blocks()));
    batch.add(EntryKind::end, {60000, 0}, 0, 0, {});
    return encode_log(batch, constants()).raw;
}

Bytes sample_chunks() {
    ByteWriter list;
    add_chunk(list, ChunkType::facts, encode_facts({{"machine", "pc"}}));
    add_chunk(list, ChunkType::blocks, encode_blocks(blocks()));
    add_chunk(list, ChunkType::processor, Bytes(4));
    add_chunk(list, ChunkType::map, encode_map({0, {{0, 1 << 20, 0, 0, RangeKind::ram}}}, blocks()));
    MemoryChunkBuilder pages(1);
    pages.add(0, std::array<std::byte, page_size>{});
    add_chunk(list, ChunkType::memory, pages.encode());
    add_chunk(list, ChunkType::constants, encode_constants(constants().constants()));
    add_chunk(list, ChunkType::constant_data, constants().bytes());
    add_chunk(list, ChunkType::snapshot_end, {});
    add_chunk(list, ChunkType::log, sample_log());
    add_chunk(list, ChunkType::trailer, encode_trailer({{60000, 0}, {}, {1, 2}}));
    return list.take();
}

void write_corpus(const std::filesystem::path& directory) {
    std::filesystem::create_directories(directory);
    const auto write = [&](const char* name, uint8_t parser, std::span<const std::byte> content) {
        ByteWriter input;
        input.put(parser);
        input.put_bytes(content);
        OutputFile file((directory / name).string(), IfExists::overwrite);
        file.write(input.bytes());
        file.close();
    };
    const Bytes chunks = sample_chunks();
    write("file", whole_file, build_file(ByteReader(chunks)));
    write("log", log_content, sample_log());
    write("chunks", chunk_list, chunks);
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int LLVMFuzzerInitialize(int* argc, char*** argv) {
    if (*argc == 3 && std::strcmp((*argv)[1], "--write-corpus") == 0) {
        write_corpus((*argv)[2]);
        std::exit(0);
    }
    return 0;
}

extern "C" __attribute__((visibility("default"))) int LLVMFuzzerTestOneInput(const uint8_t* data,
                                                                             size_t size) {
    if (size == 0)
        return 0;
    const auto input = std::as_bytes(std::span(data, size)).subspan(1);
    try {
        if (data[0] == whole_file)
            read_file(input);
        else if (data[0] == log_content)
            read_log(input);
        else if (data[0] == chunk_list)
            read_file(build_file(ByteReader(input)));
    } catch (const Error&) {
        // Damaged input should end here.
    }
    return 0;
}
