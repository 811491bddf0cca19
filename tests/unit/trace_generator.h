// Random traces as plain lists of what happened, to be written, read back and compared.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "trace/reading/reader.h"
#include "trace/writing/writer.h"

namespace panda::trace_tests {

using namespace panda::trace;

// A file that is removed with its test.
class TemporaryFile {
  public:
    TemporaryFile() : path_(std::filesystem::temp_directory_path() / unique_name()) {}
    ~TemporaryFile() {
        std::error_code ignored;
        std::filesystem::remove(path_, ignored);
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    std::string path() const { return path_.string(); }

  private:
    static std::string unique_name() {
        static int counter = 0;
        return "panda-trace-test-" + std::to_string(::getpid()) + "-" + std::to_string(counter++);
    }
    std::filesystem::path path_;
};

inline Bytes read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
    return {bytes.begin(), bytes.end()};
}

inline void write_file(const std::string& path, std::span<const std::byte> bytes) {
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

// A block of this many instructions of one byte: nops, the last of which may be an iret instead.
inline BlockDefinition block_at(uint64_t pc, uint16_t instructions, bool user,
                                bool interrupt_return = false) {
    BlockDefinition block;
    block.pc = pc;
    block.flags = user ? 3 : 0;
    block.guest_size = instructions;
    block.code = Bytes(instructions, std::byte{0x90});
    if (interrupt_return)
        block.code.back() = std::byte{0xcf};
    for (uint16_t i = 0; i < instructions; ++i)
        block.instruction_offsets.push_back(i);
    return block;
}

struct ExecutedBlock {
    uint32_t id;
    uint32_t executed;
    uint64_t instr;
    bool operator==(const ExecutedBlock&) const = default;
};
using Happening = std::variant<ExecutedBlock, Event>;

struct MachineState {
    uint64_t instr = 0;
    CpuState cpu;
    std::vector<Bytes> memory;  // by memory block
};

// What a trace should say.
struct Model {
    TraceHeader header;
    std::vector<BlockDefinition> blocks;
    std::vector<Happening> happenings;
    std::vector<MachineState> snapshots;
    std::vector<MemoryMap> maps;
    uint64_t end_instr = 0;
};

// Drives a writer at random and keeps account.
class Generator {
  public:
    explicit Generator(uint64_t seed) : random_(seed) {
        model_.header.architecture = "x86_64";
        model_.header.facts = {{"machine", "pc"}, {"command", "echo \"hello\""}};
        model_.header.memory_blocks = {{"pc.ram", 64 * page_size}, {"pc.bios", 8 * page_size}, {"empty", 0}};
        model_.header.first_instr = seed % 2 == 0 ? 0 : random_();
        instr_ = model_.header.first_instr;
        for (const auto& block : model_.header.memory_blocks)
            memory_.emplace_back(block.size);
    }

    Model write(const std::string& path, WriterOptions options, unsigned steps) {
        options.if_exists = IfExists::overwrite;
        TraceWriter writer(path, model_.header, options);
        change_map(writer);
        snapshot(writer);
        for (unsigned i = 0; i < steps; ++i)
            step(writer);
        snapshot(writer);
        writer.finish();
        model_.end_instr = instr_;
        return std::move(model_);
    }

  private:
    uint64_t below(uint64_t bound) { return random_() % bound; }

    void step(TraceWriter& writer) {
        const uint64_t choice = below(100);
        if (choice < 70 || model_.blocks.empty())
            run(writer);
        else if (choice < 80)
            cut(writer);
        else if (choice < 96)
            event(writer);
        else if (choice < 98)
            change_map(writer);
        else if (choice < 99)
            skip(writer);
        else
            snapshot(writer);
    }

    void define(TraceWriter& writer) {
        BlockDefinition block;
        const bool wild = below(10) == 0;
        block.pc = wild ? random_() : 0xffffffff81000000u + below(1 << 20);
        block.cs_base = wild ? random_() : 0;
        block.flags = random_() >> below(64);
        block.physical_pc = wild ? random_() : below(1 << 24);
        if (below(5) == 0)
            block.physical_second_page = below(1 << 24) & ~(page_size - 1);
        const uint64_t instructions = 1 + below(20);
        uint16_t offset = 0;
        for (uint64_t i = 0; i < instructions; ++i) {
            block.instruction_offsets.push_back(offset);
            offset = static_cast<uint16_t>(offset + 1 + below(15));
        }
        block.guest_size = offset;
        if (below(10) != 0) {
            for (unsigned i = 0; i < block.guest_size; ++i)
                block.code.push_back(static_cast<std::byte>(random_()));
        }
        if (writer.define_block(block) != model_.blocks.size())
            throw Error("block ids are not dense");
        model_.blocks.push_back(block);
    }

    // A few blocks, mostly along a path taken before, as programs do.
    void run(TraceWriter& writer) {
        if (model_.blocks.size() < 3 || below(10) == 0)
            define(writer);
        std::vector<uint32_t> ids;
        auto id = static_cast<uint32_t>(below(model_.blocks.size()));
        for (uint64_t count = below(200); count > 0; --count) {
            ids.push_back(id);
            add_block(id, model_.blocks[id].instruction_count());
            const uint64_t turn = below(8);
            id = static_cast<uint32_t>((id * 7 + (turn < 6 ? 1 : turn)) % model_.blocks.size());
        }
        const size_t half = below(ids.size() + 1);
        writer.append_blocks(std::span(ids).first(half));
        writer.append_blocks(std::span(ids).subspan(half));
    }

    void cut(TraceWriter& writer) {
        const auto id = static_cast<uint32_t>(below(model_.blocks.size()));
        const auto executed = static_cast<uint32_t>(below(model_.blocks[id].instruction_count() + 1));
        writer.append_partial(id, executed);
        add_block(id, executed);
    }

    void event(TraceWriter& writer) {
        // Sometimes in the middle of the next block.
        Event event{instr_ + (below(4) == 0 ? below(10) : 0), {}};
        switch (below(5)) {
            case 0:
                event.detail = Interrupt{static_cast<uint32_t>(below(256)), InterruptSource::hardware};
                break;
            case 1:
                event.detail = Exception{14, static_cast<uint32_t>(below(8)), random_(), random_()};
                break;
            case 2:
                event.detail = AddressSpaceChange{below(4) << 12};
                break;
            case 3:
                event.detail = ModeChange{random_(), below(256), below(4096), below(2) == 0};
                break;
            default:
                event.detail = UnknownEvent{100 + static_cast<uint32_t>(below(3)),
                                            {random_(), below(5)},
                                            Bytes(below(20), static_cast<std::byte>(below(256)))};
        }
        writer.event(event);
        model_.happenings.push_back(event);
    }

    void change_map(TraceWriter& writer) {
        MemoryMap map;
        map.address_space = static_cast<uint32_t>(below(2));
        map.ranges.push_back({0, 32 * page_size, 0, 0, RangeKind::ram});
        const uint64_t shift = below(3);
        map.ranges.push_back({(40 + shift) * page_size, 8 * page_size, 0, 1, RangeKind::rom});
        map.ranges.push_back({(48 + shift) * page_size, 32 * page_size, 32 * page_size, 0, RangeKind::ram});
        writer.memory_map(map);
        auto found = std::find(model_.maps.begin(), model_.maps.end(), map);
        if (found == model_.maps.end())
            found = model_.maps.insert(found, map);
        const auto number = static_cast<uint32_t>(found - model_.maps.begin());
        // The very first map is only in the snapshot, and a map that is already in force is not a change.
        const auto& current = current_map_[map.address_space];
        if (current != number + 1 && !model_.happenings.empty())
            model_.happenings.push_back(Event{instr_, MemoryMapChange{number}});
        current_map_[map.address_space] = number + 1;
    }
    void skip(TraceWriter& writer) {
        const uint64_t count = below(1000);
        model_.happenings.push_back(Event{instr_, Gap{count}});
        writer.skip(count);
        instr_ += count;
    }

    void snapshot(TraceWriter& writer) {
        for (unsigned i = 0; i < 5; ++i) {
            Bytes& block = memory_[below(2)];
            const size_t page = below(block.size() / page_size) * page_size;
            const bool clear = below(3) == 0;
            for (size_t j = 0; j < page_size; ++j)
                block[page + j] = clear ? std::byte{0} : static_cast<std::byte>(random_() >> below(64));
        }
        MachineState state{instr_, {}, memory_};
        for (auto& value : state.cpu.general)
            value = random_();
        for (auto& segment : state.cpu.segments)
            segment = {static_cast<uint32_t>(below(1 << 16)), random_(), static_cast<uint32_t>(random_()), 7};
        state.cpu.rip = random_();
        state.cpu.cr3 = below(4) << 12;
        state.cpu.lstar = random_();
        state.cpu.gdt = {random_(), 127};
        const auto kind = below(2) == 0 ? SnapshotKind::full : SnapshotKind::changed;
        writer.snapshot(
            state.cpu, [this](uint32_t block) { return std::span<const std::byte>(memory_[block]); }, kind);
        model_.snapshots.push_back(std::move(state));
    }

    void add_block(uint32_t id, uint32_t executed) {
        model_.happenings.push_back(ExecutedBlock{id, executed, instr_});
        instr_ += executed;
    }

    std::mt19937_64 random_;
    Model model_;
    uint64_t instr_ = 0;
    std::vector<Bytes> memory_;
    uint32_t current_map_[2] = {0, 0};
};

// Appends what a chunk says.
inline void collect(ChunkCursor& cursor, const Chunk& chunk, std::vector<Happening>& happenings) {
    cursor.start(chunk);
    for (auto step = cursor.next(); step != ChunkCursor::Step::end; step = cursor.next()) {
        if (step == ChunkCursor::Step::block)
            happenings.push_back(
                ExecutedBlock{cursor.block().id, cursor.block().executed, cursor.block().instr});
        else
            happenings.push_back(cursor.event());
    }
}

}  // namespace panda::trace_tests
