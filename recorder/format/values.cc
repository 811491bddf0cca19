#include "recorder/format/values.h"

#include <utility>

namespace panda::recording {
namespace {

constexpr size_t page_run_size = 2 * sizeof(uint32_t);      // in the table of a memory chunk
constexpr size_t page_trailer_size = 2 * sizeof(uint32_t);  // behind it

void check_limit(uint64_t value, uint64_t limit, const char* what) {
    if (value > limit)
        throw Error(std::to_string(value) + " " + what + ", but at most " + std::to_string(limit) +
                    " are allowed");
}

void check_end(const ByteReader& reader) {
    if (!reader.at_end())
        throw Error("data goes on after its end");
}

void check_blocks(std::span<const MemoryBlock> blocks) {
    check_limit(blocks.size(), maximum_blocks, "memory blocks");
    uint64_t left = maximum_memory;
    for (const MemoryBlock& block : blocks) {
        check_limit(block.name.size(), maximum_string, "bytes in the name of a memory block");
        if (block.size == 0 || block.size % page_size != 0 || block.size > left)
            throw Error("memory block \"" + block.name + "\" has an impossible size of " +
                        std::to_string(block.size) + " bytes");
        left -= block.size;
    }
}

void check_constants(std::span<const Constant> constants) {
    check_limit(constants.size(), maximum_constant_files, "constants");
    uint64_t left = maximum_constants;
    for (const Constant& constant : constants) {
        check_limit(constant.name.size(), maximum_string, "bytes in the name of a constant");
        if (constant.size > left)
            throw Error("constant \"" + constant.name + "\" has an impossible size of " +
                        std::to_string(constant.size) + " bytes");
        left -= constant.size;
    }
}

// This is what readers may rely on: ranges ascend, are disjoint, and lie within their blocks.
void check_map(const MemoryMap& map, std::span<const MemoryBlock> blocks) {
    uint64_t end = 0;
    for (const MappedRange& range : map.ranges) {
        if (range.address < end || range.size == 0 || range.size > UINT64_MAX - range.address)
            throw Error("a memory map whose ranges overlap or do not ascend");
        end = range.address + range.size;
        if (range.block >= blocks.size() || range.block_offset > blocks[range.block].size ||
            range.size > blocks[range.block].size - range.block_offset)
            throw Error("a memory map that refers to memory outside the blocks");
        if (range.kind > RangeKind::rom_device)
            throw Error("a memory map with a range of unknown kind");
    }
}

uint32_t get_u32(ByteReader& reader) {
    const uint64_t value = reader.get_varint();
    if (value > UINT32_MAX)
        throw Error("a number is longer than 32 bits");
    return static_cast<uint32_t>(value);
}

// A count of things that take at least `least` bytes each, checked so that memory can be allocated for them.
size_t get_count(ByteReader& reader, uint64_t limit, size_t least, const char* what) {
    const uint64_t count = reader.get_varint();
    check_limit(count, limit, what);
    if (count > reader.remaining() / least)
        throw Error("data ends early");
    return count;
}

}  // namespace

Bytes encode_facts(const Facts& facts) {
    check_limit(facts.size(), maximum_facts, "facts");
    ByteWriter writer;
    writer.put_varint(facts.size());
    for (const auto& [name, text] : facts) {
        check_limit(name.size(), maximum_string, "bytes in the name of a fact");
        check_limit(text.size(), maximum_string, ("bytes in the fact " + name).c_str());
        writer.put_string(name);
        writer.put_string(text);
    }
    return writer.take();
}

Facts decode_facts(std::span<const std::byte> bytes) {
    ByteReader reader(bytes);
    Facts facts;
    const size_t count = get_count(reader, maximum_facts, 2, "facts");
    for (size_t i = 0; i < count; ++i) {
        std::string name = reader.get_string(maximum_string);
        std::string text = reader.get_string(maximum_string);
        if (!facts.emplace(std::move(name), std::move(text)).second)
            throw Error("a fact is there twice");
    }
    check_end(reader);
    return facts;
}

Bytes encode_blocks(const std::vector<MemoryBlock>& blocks) {
    check_blocks(blocks);
    ByteWriter writer;
    writer.put_varint(blocks.size());
    for (const MemoryBlock& block : blocks) {
        writer.put_string(block.name);
        writer.put_varint(block.size);
    }
    return writer.take();
}

std::vector<MemoryBlock> decode_blocks(std::span<const std::byte> bytes) {
    ByteReader reader(bytes);
    std::vector<MemoryBlock> blocks(get_count(reader, maximum_blocks, 2, "memory blocks"));
    for (MemoryBlock& block : blocks) {
        block.name = reader.get_string(maximum_string);
        block.size = reader.get_varint();
    }
    check_end(reader);
    check_blocks(blocks);
    return blocks;
}

Bytes encode_devices(const std::vector<Device>& devices) {
    check_limit(devices.size(), maximum_devices, "devices");
    ByteWriter writer;
    writer.put_varint(devices.size());
    for (const Device& device : devices) {
        check_limit(device.model.size(), maximum_string, "bytes in the model of a device");
        check_limit(device.place.size(), maximum_string, "bytes in the place of a device");
        writer.put_string(device.model);
        writer.put_string(device.place);
        writer.put(device.kind);
    }
    return writer.take();
}

std::vector<Device> decode_devices(std::span<const std::byte> bytes) {
    ByteReader reader(bytes);
    std::vector<Device> devices(get_count(reader, maximum_devices, 3, "devices"));
    for (Device& device : devices) {
        device.model = reader.get_string(maximum_string);
        device.place = reader.get_string(maximum_string);
        device.kind = reader.get<DeviceKind>();
        if (static_cast<unsigned>(device.kind) >= device_kinds)
            throw Error("a device of unknown kind");
    }
    check_end(reader);
    return devices;
}

Bytes encode_constants(const std::vector<Constant>& constants) {
    check_constants(constants);
    ByteWriter writer;
    writer.put_varint(constants.size());
    for (const Constant& constant : constants) {
        writer.put_string(constant.name);
        writer.put_varint(constant.size);
    }
    return writer.take();
}

std::vector<Constant> decode_constants(std::span<const std::byte> bytes) {
    ByteReader reader(bytes);
    std::vector<Constant> constants(get_count(reader, maximum_constant_files, 2, "constants"));
    for (Constant& constant : constants) {
        constant.name = reader.get_string(maximum_string);
        constant.size = reader.get_varint();
    }
    check_end(reader);
    check_constants(constants);
    return constants;
}

Bytes encode_map(const MemoryMap& map, std::span<const MemoryBlock> blocks) {
    check_limit(map.ranges.size(), maximum_ranges, "ranges in a memory map");
    check_map(map, blocks);
    ByteWriter writer;
    writer.put_varint(map.address_space);
    writer.put_varint(map.ranges.size());
    uint64_t end = 0;
    for (const MappedRange& range : map.ranges) {
        writer.put_varint(range.address - end);
        writer.put_varint(range.size);
        writer.put_varint(range.block);
        writer.put_varint(range.block_offset);
        writer.put(range.kind);
        end = range.address + range.size;
    }
    return writer.take();
}

MemoryMap decode_map(std::span<const std::byte> bytes, std::span<const MemoryBlock> blocks) {
    ByteReader reader(bytes);
    MemoryMap map;
    map.address_space = get_u32(reader);
    map.ranges.resize(get_count(reader, maximum_ranges, 5, "ranges in a memory map"));
    uint64_t end = 0;
    for (MappedRange& range : map.ranges) {
        range.address = end + reader.get_varint();  // wraps only into what check_map refuses
        range.size = reader.get_varint();
        range.block = get_u32(reader);
        range.block_offset = reader.get_varint();
        range.kind = reader.get<RangeKind>();
        end = range.address + range.size;
    }
    check_end(reader);
    check_map(map, blocks);
    return map;
}

uint64_t memory_hash_count(std::span<const MemoryBlock> blocks) {
    uint64_t count = 0;
    for (const MemoryBlock& block : blocks)
        count += (block.size + memory_hash_granule - 1) / memory_hash_granule;
    return count;
}

Bytes encode_trailer(const Trailer& trailer) {
    ByteWriter writer;
    writer.put_varint(trailer.end.instr);
    writer.put_varint(trailer.end.exceptions);
    for (const KindStatistics& kind : trailer.kinds) {
        writer.put_varint(kind.entries);
        writer.put_varint(kind.bytes);
    }
    writer.put_varint(trailer.memory_hashes.size());
    writer.put_bytes(std::as_bytes(std::span(trailer.memory_hashes)));
    writer.put_varint(trailer.devices.size());
    for (const DeviceStatistics& device : trailer.devices) {
        writer.put_varint(device.writes);
        writer.put_varint(device.bytes);
    }
    return writer.take();
}

Trailer decode_trailer(std::span<const std::byte> bytes, std::span<const MemoryBlock> blocks,
                       size_t devices) {
    ByteReader reader(bytes);
    Trailer trailer;
    trailer.end.instr = reader.get_varint();
    trailer.end.exceptions = get_u32(reader);
    for (KindStatistics& kind : trailer.kinds) {
        kind.entries = reader.get_varint();
        kind.bytes = reader.get_varint();
    }
    const uint64_t count = memory_hash_count(blocks);
    if (reader.get_varint() != count)
        throw Error("the memory hashes do not fit the memory blocks");
    if (reader.remaining() / sizeof(uint64_t) < count)
        throw Error("the memory hashes do not fit the chunk");
    trailer.memory_hashes.reserve(count);
    for (uint64_t i = 0; i < count; ++i)
        trailer.memory_hashes.push_back(reader.get<uint64_t>());
    trailer.devices.resize(get_count(reader, devices + 1, 2, "devices"));
    for (DeviceStatistics& device : trailer.devices) {
        device.writes = reader.get_varint();
        device.bytes = reader.get_varint();
    }
    check_end(reader);
    return trailer;
}

void MemoryChunkBuilder::add(uint32_t page, std::span<const std::byte, page_size> bytes) {
    if (runs_.empty() || runs_.back().first + runs_.back().count != page)
        runs_.push_back({page, 0});
    ++runs_.back().count;
    pages_.reserve(maximum_memory_chunk + maximum_memory_chunk / page_size * sizeof(Run) + page_trailer_size);
    pages_.insert(pages_.end(), bytes.begin(), bytes.end());
}

Bytes MemoryChunkBuilder::encode() {
    const auto table = std::as_bytes(std::span(runs_));
    pages_.insert(pages_.end(), table.begin(), table.end());
    const std::array<uint32_t, 2> trailer = {static_cast<uint32_t>(runs_.size()), block_};
    const auto bytes = std::as_bytes(std::span(trailer));
    pages_.insert(pages_.end(), bytes.begin(), bytes.end());
    return std::move(pages_);
}

Pages decode_pages(std::span<const std::byte> bytes, std::span<const MemoryBlock> blocks) {
    if (bytes.size() < page_trailer_size)
        throw Error("data ends early");
    ByteReader trailer(bytes.last(page_trailer_size));
    const uint64_t runs = trailer.get<uint32_t>();
    Pages pages;
    pages.block = trailer.get<uint32_t>();
    if (pages.block >= blocks.size())
        throw Error("pages of a memory block that does not exist");
    const uint64_t block_size = blocks[pages.block].size;
    if (runs > (bytes.size() - page_trailer_size) / page_run_size)
        throw Error("data ends early");
    const uint64_t content = bytes.size() - page_trailer_size - runs * page_run_size;
    ByteReader reader(bytes.first(content));
    ByteReader table(bytes.subspan(content));
    pages.runs.reserve(runs);
    for (uint64_t i = 0; i < runs; ++i) {
        const uint64_t offset = table.get<uint32_t>() * page_size;
        const uint64_t size = table.get<uint32_t>() * page_size;
        if (size == 0 || offset > block_size || size > block_size - offset)
            throw Error("pages outside their memory block");
        pages.runs.push_back({offset, reader.take(size)});
    }
    check_end(reader);
    return pages;
}

}  // namespace panda::recording
