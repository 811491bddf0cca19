// A machine that does nothing but store, in all the ways that a guest can, and keeps account of every byte.
// This is what a trace of it must give back, worked out byte by byte and without the library's own
// translation.
#pragma once

#include <array>
#include <map>

#include "tests/unit/trace_generator.h"
#include "trace/moment/last_write.h"

namespace panda::trace_tests {

// A byte of memory got a value.
struct ByteWrite {
    uint64_t instr;
    bool event;         // a device did it, before the instruction with that number
    uint64_t end;       // instr after the execution that it was part of; for an event, its instr
    size_t executions;  // of blocks before the one in which it happened or, for an event, right before which
    uint32_t block;
    uint64_t offset;
    std::byte value;
    size_t write;  // number of the write that it was part of, in StoreMachine::writes

    bool is_before(uint64_t at) const { return end <= at || (!event && instr < at); }
};

class StoreMachine {
  public:
    static constexpr uint64_t ram_pages = 40;
    static constexpr uint64_t virtual_pages = 96;
    static constexpr uint64_t virtual_base = 0xffff'8880'0000'0000;

    explicit StoreMachine(uint64_t seed) : random_(seed) {
        header_.architecture = "x86_64";
        header_.memory_blocks = {
            {"low", 8 * page_size}, {"pc.ram", ram_pages * page_size}, {"rom", 4 * page_size}};
        for (const MemoryBlock& block : header_.memory_blocks)
            memory_.emplace_back(block.size);
        for (size_t i = 0; i < memory_[2].size(); ++i)
            memory_[2][i] = static_cast<std::byte>(i * 7);
        // Low memory, RAM in two pieces, a ROM; the second map moves a piece and turns RAM into ROM.
        maps_[0] = {0,
                    {{0, 8 * page_size, 0, 0, RangeKind::ram},
                     {8 * page_size, 20 * page_size, 0, 1, RangeKind::ram},
                     {30 * page_size, 4 * page_size, 0, 2, RangeKind::rom},
                     {40 * page_size, 20 * page_size, 20 * page_size, 1, RangeKind::ram}}};
        maps_[1] = {0,
                    {{0, 4 * page_size, 0, 0, RangeKind::rom},
                     {8 * page_size, 20 * page_size, 0, 1, RangeKind::ram},
                     {44 * page_size, 20 * page_size, 20 * page_size, 1, RangeKind::ram}}};
        smm_map_ = {1, {{0, 8 * page_size, 0, 0, RangeKind::ram}}};
        for (uint64_t page = 0; page < virtual_pages; ++page)
            frames_[page] = {virtual_base / page_size + page, below(64), 0};
    }

    void write(const std::string& path, WriterOptions options, unsigned steps) {
        options.if_exists = IfExists::overwrite;
        options.memory = MemoryColumns::values;
        TraceWriter writer(path, header_, options);
        writer.memory_map(maps_[0]);
        writer.memory_map(smm_map_);
        snapshot(writer);
        begin_chunk(writer);
        for (unsigned i = 0; i < steps; ++i)
            step(writer);
        snapshot(writer);
        writer.finish();
        end_instr_ = writer.instr();
    }

    // All of a memory block as it is before this instruction.
    Bytes memory_at(uint32_t block, uint64_t instr) const {
        Bytes bytes = block == 2 ? memory_[2] : Bytes(header_.memory_blocks[block].size);
        for (const ByteWrite& write : log_)
            if (write.block == block && write.is_before(instr))
                bytes[write.offset] = write.value;
        return bytes;
    }

    // The same as it is when an execution begins: the trace's execution `number`, at this instr.
    Bytes memory_before(uint32_t block, size_t number, uint64_t instr) const {
        Bytes bytes = block == 2 ? memory_[2] : Bytes(header_.memory_blocks[block].size);
        for (const ByteWrite& write : log_)
            if (write.block == block && (write.executions < number ||
                                         (write.executions == number && write.event && write.instr <= instr)))
                bytes[write.offset] = write.value;
        return bytes;
    }

    const TraceHeader& header() const { return header_; }
    uint64_t end_instr() const { return end_instr_; }
    const std::vector<ByteWrite>& log() const { return log_; }
    const std::vector<Write>& writes() const { return writes_; }
    const std::vector<uint64_t>& snapshot_instrs() const { return snapshots_; }

    // Makes this byte wrong in the third snapshot.
    void spoil_snapshot(uint32_t block, uint64_t offset) { spoiled_ = {block, offset}; }

  private:
    uint64_t below(uint64_t bound) { return random_() % bound; }
    bool one_in(uint64_t n) { return below(n) == 0; }

    void step(TraceWriter& writer) {
        if (blocks_.size() < 4 || one_in(80))
            define(writer);
        if (one_in(60))
            begin_chunk(writer);
        if (one_in(400))
            snapshot(writer);
        if (one_in(100)) {
            current_map_ ^= 1;
            writer.memory_map(maps_[current_map_]);
        }
        if (one_in(50))
            writer.event({writer.instr(), AddressSpaceChange{below(4) << 12}});
        if (one_in(25))
            transfer(writer, writer.instr());
        execute(writer, static_cast<uint32_t>(below(blocks_.size())));
    }

    void define(TraceWriter& writer) {
        BlockDefinition block;
        block.pc = 0x400000 + 0x100 * blocks_.size();
        const auto instructions = static_cast<uint16_t>(1 + below(8));
        block.guest_size = 4u * instructions;
        for (uint16_t i = 0; i < instructions; ++i) {
            block.instruction_offsets.push_back(static_cast<uint16_t>(4 * i));
            for (uint64_t count = below(3); count > 0; --count) {
                MemoryOperation operation;
                operation.instruction = i;
                operation.size = static_cast<uint8_t>(1u << below(5));
                operation.store = !one_in(3);
                operation.conditional = one_in(4);
                if (operation.store && operation.size <= 8 && one_in(5)) {
                    operation.constant_value = true;
                    operation.constant = random_();
                }
                block.operations.push_back(operation);
            }
        }
        writer.define_block(block);
        blocks_.push_back(block);
    }

    uint64_t some_address() {
        const uint64_t page = below(8) == 0 ? below(virtual_pages - 1) : below(12);
        return virtual_base + page * page_size + (one_in(6) ? page_size - 1 - below(15) : below(page_size));
    }

    // Runs a block, whole or in part, with everything that can happen inside.
    void execute(TraceWriter& writer, uint32_t id) {
        const BlockDefinition& block = blocks_[id];
        const uint64_t begin = writer.instr();
        const uint32_t count = block.instruction_count();
        const uint32_t executed = one_in(8) ? static_cast<uint32_t>(below(count + 1)) : count;
        const uint64_t transfer_at = one_in(10) && executed > 1 ? 1 + below(executed - 1) : 0;
        end_ = begin + executed;
        std::vector<uint64_t> words;
        size_t next = 0;
        inner_events(writer, begin, block.pc, 0, InnerEvent::before_block);
        for (uint32_t i = 0; i < count; ++i) {
            if (transfer_at != 0 && i == transfer_at)
                transfer(writer, begin + i);
            const uint64_t pc = block.pc + block.instruction_offsets[i];
            if (i <= executed && i < count && (i < executed || executed < count))
                inner_events(writer, begin, pc, i, InnerEvent::before_instruction(i));
            for (; next < block.operations.size() && block.operations[next].instruction == i; ++next) {
                const MemoryOperation& operation = block.operations[next];
                const bool may_stop = operation.conditional || i == executed;
                const bool runs = i <= executed && !(may_stop && one_in(2));
                run_operation(operation, runs, begin + i, pc, words);
            }
        }
        ++executions_;
        if (executed == count) {
            writer.append(id, words.data());
            return;
        }
        writer.append_cut(id, executed, words.data());
        writer.event({writer.instr(), Exception{14, 0, 0, block.pc}});
    }

    void run_operation(const MemoryOperation& operation, bool runs, uint64_t instr, uint64_t pc,
                       std::vector<uint64_t>& words) {
        const uint64_t address = some_address();
        words.push_back(runs ? address : MemoryOperation::not_run);
        std::array<uint64_t, 2> value = {operation.constant, 0};
        for (uint32_t i = 0; i < operation.value_words(); ++i)
            words.push_back(value[i] = random_());
        if (runs && operation.store)
            store(instr, pc, WriteKind::store, address, operation.size, value);
    }

    void inner_events(TraceWriter& writer, uint64_t begin, uint64_t pc, uint32_t instruction,
                      uint32_t place) {
        for (uint64_t count = one_in(6) ? 1 + below(3) : 0; count > 0; --count) {
            InnerEvent event;
            event.place = place;
            const uint64_t instr = begin + instruction;
            switch (below(4)) {
                case 0: {
                    const uint64_t page = below(virtual_pages);
                    frames_[page].frame = below(64);
                    frames_[page].address_space = one_in(8) ? 1 : 0;
                    event.address = frames_[page].page * page_size;
                    event.value = frames_[page].frame * page_size | frames_[page].address_space;
                    break;
                }
                case 1:
                    event.kind = InnerKind::helper_load;
                    event.address = some_address();
                    break;
                case 2:
                    event.kind = InnerKind::helper_store;
                    event.size = static_cast<uint8_t>(1u << below(5));
                    event.address = some_address();
                    event.value = random_();
                    event.value_high = event.size == 16 ? random_() : 0;
                    event.value &= event.size >= 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * event.size)) - 1;
                    store(instr, pc, WriteKind::helper, event.address, event.size,
                          {event.value, event.value_high});
                    break;
                default:
                    event.kind = InnerKind::table_write;
                    event.address = below(64 * page_size) & ~uint64_t{7};
                    event.value = random_();
                    write_table(instr, pc, event);
            }
            writer.inner(event);
        }
    }

    void store(uint64_t instr, uint64_t pc, WriteKind kind, uint64_t address, unsigned size,
               const std::array<uint64_t, 2>& value) {
        const uint64_t mask = size >= 8 ? ~uint64_t{0} : (uint64_t{1} << (8 * size)) - 1;
        writes_.push_back({instr, pc, kind, TransferSource::device, address, size, value[0] & mask,
                           size == 16 ? value[1] : 0});
        for (unsigned i = 0; i < size; ++i) {
            const uint64_t byte_address = address + i;
            const Translation& translation = frames_.at((byte_address - virtual_base) / page_size);
            put(instr, false, translation.address_space,
                translation.frame * page_size + byte_address % page_size,
                static_cast<std::byte>(value[i / 8] >> (8 * (i % 8))));
        }
    }

    void write_table(uint64_t instr, uint64_t pc, const InnerEvent& event) {
        writes_.push_back({instr, pc, WriteKind::table_write, TransferSource::device, event.address,
                           event.size, event.value, 0});
        for (unsigned i = 0; i < event.size; ++i)
            put(instr, false, 0, event.address + i, static_cast<std::byte>(event.value >> (8 * i)));
    }

    void transfer(TraceWriter& writer, uint64_t instr) {
        Transfer transfer;
        transfer.block = static_cast<uint32_t>(below(2));
        const uint64_t size = 1 + below(one_in(3) ? 6000 : 40);
        transfer.offset = below(memory_[transfer.block].size() - size);
        transfer.source = TransferSource::disk;
        Write write{instr, 0, WriteKind::transfer, TransferSource::disk, transfer.offset, size, 0, 0};
        for (uint64_t i = 0; i < size; ++i)
            transfer.data.push_back(static_cast<std::byte>(random_()));
        std::memcpy(&write.value, transfer.data.data(), std::min<uint64_t>(size, 8));
        writes_.push_back(write);
        for (uint64_t i = 0; i < size; ++i)
            set(instr, true, transfer.block, transfer.offset + i, transfer.data[i]);
        writer.event({instr, transfer});
    }

    // Stores a byte by physical address; only RAM takes it.
    void put(uint64_t instr, bool event, uint32_t address_space, uint64_t address, std::byte value) {
        const MemoryMap& map = address_space == 0 ? maps_[current_map_] : smm_map_;
        for (const MappedRange& range : map.ranges)
            if (address >= range.address && address < range.address + range.size &&
                range.kind == RangeKind::ram)
                set(instr, event, range.block, range.block_offset + (address - range.address), value);
    }
    void set(uint64_t instr, bool event, uint32_t block, uint64_t offset, std::byte value) {
        memory_[block][offset] = value;
        log_.push_back(
            {instr, event, event ? instr : end_, executions_, block, offset, value, writes_.size() - 1});
    }

    void begin_chunk(TraceWriter& writer) {
        ChunkStart start;
        start.cpu.emplace();
        start.cpu->cr3 = below(4) << 12;
        for (const auto& [page, translation] : frames_)
            start.translations.push_back(translation);
        writer.begin_chunk(start);
    }

    void snapshot(TraceWriter& writer) {
        const bool spoil = spoiled_.has_value() && snapshots_.size() == 2;
        std::byte* const byte = spoil ? &memory_[spoiled_->first][spoiled_->second] : nullptr;
        if (byte != nullptr)
            *byte ^= std::byte{0x80};
        writer.snapshot(
            {}, [this](uint32_t block) { return std::span<const std::byte>(memory_[block]); },
            one_in(6) ? SnapshotKind::full : SnapshotKind::changed);
        if (byte != nullptr)
            *byte ^= std::byte{0x80};
        snapshots_.push_back(writer.instr());
        begin_chunk(writer);
    }

    std::mt19937_64 random_;
    TraceHeader header_;
    std::array<MemoryMap, 2> maps_;
    MemoryMap smm_map_;
    unsigned current_map_ = 0;
    std::map<uint64_t, Translation> frames_;  // by number of the virtual page from virtual_base
    std::vector<Bytes> memory_;
    std::vector<BlockDefinition> blocks_;
    std::vector<ByteWrite> log_;
    std::vector<Write> writes_;
    std::vector<uint64_t> snapshots_;
    std::optional<std::pair<uint32_t, uint64_t>> spoiled_;
    size_t executions_ = 0;
    uint64_t end_ = 0;  // instr after the current execution
    uint64_t end_instr_ = 0;
};

}  // namespace panda::trace_tests
