// Collects executions and events into chunks: the part of writing a trace that needs nothing of what stands
// in the file before. Internal.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "trace/coding/block_codec.h"
#include "trace/coding/cut_codec.h"
#include "trace/coding/event_codec.h"
#include "trace/coding/memory_encoder.h"
#include "trace/coding/register_codec.h"
#include "trace/writing/writer.h"

namespace panda::trace {

// A chunk that waits for its encoding.
struct ChunkWork {
    uint64_t first_instr = 0;
    uint64_t instr_count = 0;
    uint32_t definition_count = 0;
    uint32_t block_count = 0;
    Bytes blocks;  // their column
    std::vector<Cut> cuts;
    Bytes events;
    uint32_t event_count = 0;
    std::vector<uint64_t> address_spaces;
    bool address_spaces_complete = true;
    std::vector<uint32_t> first_memory_maps;
    std::optional<CpuState> cpu;
    MemoryColumns memory = MemoryColumns::none;
    std::vector<RawColumn> more_columns;  // of memory, and registers
};

// The calls of the same names as TraceWriter's do the same.
class ChunkBuilder {
  public:
    // sink: gets each chunk when it is whole; may throw.
    ChunkBuilder(const WriterOptions& options, std::function<void(ChunkWork)> sink);

    // The next block. operations, changes: checked.
    void define_block(uint32_t instructions, std::span<const MemoryOperation> operations,
                      std::span<const RegisterChange> changes = {});
    // Throws Error when it is not defined.
    uint32_t instruction_count(uint32_t id) const {
        if (id >= instruction_counts_.size())
            undefined(id);
        return instruction_counts_[id];
    }
    uint32_t definition_count() const { return static_cast<uint32_t>(instruction_counts_.size()); }

    // The next chunk, which nothing was put into yet, begins here.
    void begin_at(uint64_t instr);
    // … opens with this. Throws Error when the translations are none that a chunk can open with.
    void open_with(const ChunkStart& start);
    // … with these maps in force: numbers + 1 by physical address space, 0 = none.
    void set_memory_maps(std::span<const uint32_t> maps);
    // From here on, or if nothing was put into the chunk, from its begin on.
    void enter_address_space(uint64_t cr3);
    // As enter_address_space, of a chunk before which nothing ran.
    void begin_in_address_space(uint64_t cr3);

    void append_blocks(std::span<const uint32_t> ids);
    void append_partial(uint32_t id, uint32_t executed);
    void append(uint32_t id, const uint64_t* words);
    size_t append_records(std::span<const std::byte> records, bool leave_last = false);
    void append_cut(uint32_t id, uint32_t executed, const uint64_t* words);
    void registers(uint32_t id, const BlockRegisters& values) {
        if (registers_)
            registers_->append(id, values);
    }
    void inner(const InnerEvent& event);
    // Of any kind but a gap.
    void event(const Event& event);
    // From here on the map of this number is in force.
    void change_memory_map(uint32_t address_space, uint32_t number);
    void skip(uint64_t instructions);

    // Whether the registers that the trace follows, if it follows any, are these now.
    bool has_followed(const FollowedValues& values) const {
        return !memory_ || memory_->has_followed(values);
    }
    bool untouched() const { return blocks_.count() == 0 && events_.count() == 0; }
    // Ends the chunk unless it is untouched.
    void seal();
    uint64_t instr() const { return instr_; }

  private:
    [[noreturn]] static void undefined(uint32_t id);
    uint32_t check_executed(uint32_t id, uint32_t executed) const;
    void require_no_memory() const;
    void add_execution(uint32_t id, uint32_t executed);
    // Executions that are looked at together, so that what coding one needs is in the cache by its turn.
    struct Group {
        static constexpr size_t most = 64;
        size_t count = 0;
        std::array<uint32_t, most> ids;
        std::array<const uint64_t*, most> words;  // with memory
    };
    template <bool with_memory>
    const std::byte* find_records(std::span<const std::byte> records, size_t most, Group& group) const;
    template <bool with_memory>
    size_t append_group(std::span<const std::byte> records, bool leave_last);
    void append_found(const Group& group);
    void append_event(const Event& event, uint64_t gap);
    RawColumn take_registers();
    void seal_if_full();
    void open();

    WriterOptions options_;
    std::function<void(ChunkWork)> sink_;
    std::vector<uint16_t> instruction_counts_;  // by block id
    ChunkWork chunk_;                           // open; the rest of it is in the coders
    BlockEncoder blocks_;
    EventEncoder events_;
    std::optional<MemoryEncoder> memory_;       // when there are memory columns
    std::optional<RegisterEncoder> registers_;  // when the options ask for them
    std::vector<uint32_t> current_maps_;        // by physical address space: number + 1, 0 = none
    uint64_t instr_ = 0;
    uint64_t address_space_ = 0;
};

}  // namespace panda::trace
