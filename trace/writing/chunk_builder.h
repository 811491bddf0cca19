// Collects executions and events into chunks. This part of writing a trace needs to know nothing about what
// stands before the chunk in the file. Internal.
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

// A chunk that waits to be encoded. See ChunkSummary for what most members mean.
struct ChunkWork {
    uint64_t first_instr = 0;
    uint64_t instr_count = 0;
    uint32_t definition_count = 0;
    uint32_t block_count = 0;
    Bytes blocks;  // the column `blocks`, not compressed
    std::vector<Cut> cuts;
    Bytes events;  // the column `events`, not compressed
    uint32_t event_count = 0;
    std::vector<uint64_t> address_spaces;
    bool address_spaces_complete = true;
    std::vector<uint32_t> first_memory_maps;
    std::optional<CpuState> cpu;
    MemoryColumns memory = MemoryColumns::none;
    std::vector<RawColumn> more_columns;  // the columns of memory, and registers
};

// Functions that have the names of TraceWriter's functions do the same and throw the same.
class ChunkBuilder {
  public:
    // options: as for TraceWriter. sink: gets each chunk when it is whole; may throw.
    ChunkBuilder(const WriterOptions& options, std::function<void(ChunkWork)> sink);

    // Defines the block with the next id. operations, changes: must have been checked (check_definition()).
    void define_block(uint32_t instructions, std::span<const MemoryOperation> operations,
                      std::span<const RegisterChange> changes = {});
    // How many instructions a block has. Throws Error when it is not defined.
    uint32_t instruction_count(uint32_t id) const {
        if (id >= instruction_counts_.size())
            undefined(id);
        return instruction_counts_[id];
    }
    // How many blocks are defined.
    uint32_t definition_count() const { return static_cast<uint32_t>(instruction_counts_.size()); }

    // The functions from here to begin_in_address_space() say how the next chunk starts, as long as nothing
    // was put into it.

    // The chunk starts at this instr.
    void begin_at(uint64_t instr);
    // This is known at its start. Throws Error when the translations are out of order, too many or
    // impossible.
    void open_with(const ChunkStart& start);
    // These maps are in force: their numbers + 1 by physical address space, 0 = none.
    void set_memory_maps(std::span<const uint32_t> maps);
    // The processor has this CR3 too, from here on. Also allowed in the middle of a chunk.
    void enter_address_space(uint64_t cr3);
    // The chunk starts with this CR3, and has no other one yet.
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
    // An event of any kind but a gap. Throws Error for a gap.
    void event(const Event& event);
    // The memory map with this number is in force from here on, in this physical address space.
    void change_memory_map(uint32_t address_space, uint32_t number);
    void skip(uint64_t instructions);

    // Whether the followed registers have these values now; true if the trace follows none.
    bool has_followed(const FollowedValues& values) const {
        return !memory_ || memory_->has_followed(values);
    }
    // Whether nothing was put into the chunk yet.
    bool untouched() const { return blocks_.count() == 0 && events_.count() == 0; }
    // Ends the chunk and gives it to the sink, unless it is untouched.
    void seal();
    // The instr of what is put in next.
    uint64_t instr() const { return instr_; }

  private:
    [[noreturn]] static void undefined(uint32_t id);
    uint32_t check_executed(uint32_t id, uint32_t executed) const;
    void require_no_memory() const;
    void add_execution(uint32_t id, uint32_t executed);
    // Executions that are looked at together. By the time that one of them is coded, the processor's cache
    // has what its coding needs.
    struct Group {
        static constexpr size_t most = 64;
        size_t count = 0;
        std::array<uint32_t, most> ids;
        std::array<const uint64_t*, most> words;  // only with memory columns
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
    ChunkWork chunk_;                           // the open one, without what the coders still hold
    BlockEncoder blocks_;
    EventEncoder events_;
    std::optional<MemoryEncoder> memory_;       // if there are memory columns
    std::optional<RegisterEncoder> registers_;  // if the options ask for them
    std::vector<uint32_t> current_maps_;        // by physical address space: number + 1, 0 = none
    uint64_t instr_ = 0;
    uint64_t address_space_ = 0;
};

}  // namespace panda::trace
