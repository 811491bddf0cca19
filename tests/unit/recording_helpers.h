// A small recording to test with, and places to put it.
#pragma once

#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "common/checksum.h"
#include "common/compression.h"
#include "common/file.h"
#include "recorder/format/reader.h"
#include "recorder/format/writer.h"

namespace panda::recording::test {

// Appends a chunk with right checksums, whatever its content.
inline void append_chunk(Bytes& file, ChunkType type, uint32_t number, std::span<const std::byte> raw) {
    const Bytes stored = compress(raw, 1);
    const auto header = encode_chunk_header({type, number, static_cast<uint32_t>(raw.size()),
                                             static_cast<uint32_t>(stored.size()), checksum(stored)});
    file.insert(file.end(), header.begin(), header.end());
    file.insert(file.end(), stored.begin(), stored.end());
}

// A directory that is removed with the object.
class TemporaryDirectory {
  public:
    TemporaryDirectory() {
        std::string name = (std::filesystem::temp_directory_path() / "panda-test-XXXXXX").string();
        if (::mkdtemp(name.data()) == nullptr)
            throw Error("cannot make a directory for the test");
        path_ = name;
    }
    ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

    std::string file(const std::string& name) const { return (path_ / name).string(); }

  private:
    std::filesystem::path path_;
};

inline Bytes read_file(const std::string& path) {
    const MappedFile file(path);
    return {file.bytes().begin(), file.bytes().end()};
}

inline void write_file(const std::string& path, std::span<const std::byte> bytes) {
    OutputFile file(path, IfExists::overwrite);
    file.write(bytes);
    file.close();
}

inline Bytes random_bytes(size_t size, uint64_t seed) {
    std::mt19937_64 random(seed);
    Bytes bytes(size);
    for (std::byte& byte : bytes)
        byte = static_cast<std::byte>(random());
    return bytes;
}

inline const Facts sample_facts = {{"machine", "pc"}, {"memory", "8388608"}, {"cpu-model", "qemu64"}};
inline const std::vector<MemoryBlock> sample_blocks = {{"pc.ram", 8 << 20}, {"pc.bios", 256 << 10}};
inline const MemoryMap sample_map = {
    0, {{0, 0xa0000, 0, 0, RangeKind::ram}, {0xfffc0000, 256 << 10, 0, 1, RangeKind::rom}}};
inline const MemoryMap sample_smm_map = {1, {{0, 8 << 20, 0, 0, RangeKind::ram}}};

// The guest's memory in the samples: mostly zero, with pages at both ends of the RAM and a full ROM.
struct SampleMemory {
    Bytes ram = Bytes(8 << 20);
    Bytes bios = random_bytes(256 << 10, 1);

    SampleMemory() {
        const Bytes content = random_bytes(3 << 20, 2);
        std::ranges::copy(content, ram.begin() + 5 * page_size);
        ram.back() = std::byte{1};
    }
};

inline const std::vector<Device> sample_devices = {{"piix3-ide", "0000:00:01.1", DeviceKind::disk},
                                                   {"e1000", "net0", DeviceKind::network},
                                                   {"idle", "", DeviceKind::other}};

// Devices will write pieces of this.
inline const Bytes sample_constant = random_bytes(100000, 4);

inline void write_sample_snapshot(RecordingWriter& writer) {
    const SampleMemory memory;
    writer.write_constant("kernel", sample_constant);
    writer.write_devices(sample_devices);
    writer.write_map(sample_map);
    writer.write_memory(0, 0, memory.ram);
    writer.write_processor(random_bytes(5000, 3));
    writer.write_memory(1, 0, memory.bios);
    writer.write_map(sample_smm_map);
    writer.begin_log();
}

// Entries of every kind but `end`, with what each kind allows, in many variations.
inline std::vector<Entry> sample_entries(size_t count, uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<Entry> entries(count);
    Position position;
    uint64_t clock = uint64_t{1} << 40;
    for (Entry& entry : entries) {
        entry.kind = static_cast<EntryKind>(random() % (entry_kinds - 1));
        const uint64_t step = random() % 3 == 0 ? 0 : random() % 5000;
        const auto exceptions = static_cast<uint32_t>(random() % 20 == 0 ? random() % 3 : 0);
        position = step == 0 ? Position{position.instr, position.exceptions + exceptions}
                             : Position{position.instr + step, exceptions};
        clock += 10 * step + random() % 1000;
        entry.position = position;
        if (entry.kind == EntryKind::memory_map) {
            entry.map = sample_map;
            entry.map.ranges.front().size = page_size * (1 + random() % 100);
        } else if (entry.kind == EntryKind::memory_write) {
            entry.data = random_bytes(random() % 64, random());
            if (random() % 50 == 0) {
                const auto piece = sample_constant.begin() + ConstantPool::alignment * (random() % 100);
                entry.data.assign(piece, piece + ConstantPool::least_write + random() % 1000);
            }
            entry.value = random() % 2;
            entry.value2 = random() % (200 << 10);
            entry.device = static_cast<uint32_t>(random() % sample_devices.size());
        } else {
            entry.value = entry.kind == EntryKind::time_stamp ? clock : random() >> (random() % 64);
            entry.value2 = random() % 2 == 0 ? 4 : random();
            entry.data = random_bytes(random() % 9, random());
        }
    }
    return entries;
}

inline void append_entry(RecordingWriter& writer, const Entry& entry) {
    if (entry.kind == EntryKind::memory_map)
        writer.append_map(entry.position, entry.map);
    else
        writer.append(entry.kind, entry.position, entry.value, entry.value2, entry.data, entry.device);
}

inline const std::vector<uint64_t> sample_hashes = {1, 2, 3, 4, 5, 6, 7, UINT64_MAX, 9};

// A whole recording, with its log in `chunks` chunks of the same size.
inline void write_sample(const std::string& path, const std::vector<Entry>& entries, size_t chunks) {
    RecordingWriter writer(path, sample_facts, sample_blocks);
    write_sample_snapshot(writer);
    for (size_t i = 0; i < entries.size(); ++i) {
        append_entry(writer, entries[i]);
        if (i % (entries.size() / chunks) == entries.size() / chunks - 1)
            writer.flush();
    }
    writer.finish({entries.back().position.instr + 1, 0}, sample_hashes);
}

}  // namespace panda::recording::test
