// Counts what was executed: by block and by address space.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <variant>
#include <vector>

#include "trace/pass/pass_state.h"

namespace panda::analyze_blocks {

enum class Privilege : uint8_t { any, kernel, user };

struct Selection {
    std::optional<uint64_t> asid = {};  // CR3; its flag and PCID bits do not count
    Privilege privilege = Privilege::any;
};

// An execution of a block, from the later half of all.
struct Sample {
    uint64_t instr = 0;
    uint64_t asid = 0;
};

// How often a block was executed.
struct BlockCount {
    uint64_t executions = 0;
    uint64_t instructions = 0;
    Sample sample = {};
};

struct SpaceCount {
    uint64_t kernel = 0;  // instructions
    uint64_t user = 0;
    uint64_t first_instr = 0;  // where it was first seen
    uint64_t last_instr = 0;   // one past where it was last seen
};

// Whether a block's code runs as a program: at privilege level 3.
bool is_user(const trace::BlockTable& blocks, uint32_t id);

// An analyzer (trace/pass/pass.h). It takes 24 bytes per block definition, 8 of which every execution looks up.
class HotBlocks {
  public:
    static constexpr trace::PassNeeds needs = trace::PassNeeds::blocks;

    // state: must outlive the pass.
    HotBlocks(const trace::PassState& state, const Selection& selection);

    void on_block(const trace::BlockExecution& block) {
        if (block.id >= counters_.size()) [[unlikely]]
            grow();
        uint64_t& counter = counters_[block.id];
        const uint64_t kind = counter % one_execution;
        if (kind != kind_ || state_->cr3() != cr3_) [[unlikely]]
            begin_run(kind, block.instr);
        end_ = block.instr + block.executed;
        if (!space_selected_)
            return;
        counter += one_execution;
        const uint64_t executions = counter / one_execution;
        if ((executions & (executions - 1)) == 0)
            [[unlikely]]  // a power of two: so rarely that it costs nothing
            samples_[block.id] = {block.instr, asid_};
        const uint32_t instructions = state_->blocks().instruction_count(block.id);
        if (block.executed != instructions) [[unlikely]]
            missing_[block.id] += instructions - block.executed;
    }
    void on_event(const trace::Event& event) {
        if (std::holds_alternative<trace::Gap>(event.detail))
            end_run();  // what the gap leaves out was executed by an unknown process
    }
    void append(HotBlocks&& next);

    // The counts by block id. The blocks that were defined last may be missing.
    std::vector<BlockCount> blocks(const trace::BlockTable& blocks) const;
    // The counts by address space.
    const std::map<uint64_t, SpaceCount>& spaces();

  private:
    // A counter: executions in units of one_execution, and two bits that never change.
    static constexpr uint64_t user_bit = 1;
    static constexpr uint64_t declined_bit = 2;  // it has the privilege that is not selected
    static constexpr uint64_t one_execution = 4;

    static constexpr uint64_t no_kind = ~uint64_t{0};

    void grow();
    void begin_run(uint64_t kind, uint64_t instr);
    void end_run();

    const trace::PassState* state_;
    Selection selection_;
    std::vector<uint64_t> counters_;  // by block id
    std::vector<Sample> samples_;     // likewise
    std::unordered_map<uint32_t, uint64_t>
        missing_;  // by block id: instructions that cut blocks did not execute
    std::map<uint64_t, SpaceCount> spaces_;

    // The current run: blocks of one address space and privilege, one after another.
    uint64_t kind_ = no_kind;  // the bits of their counters; no_kind: there is none
    uint64_t cr3_ = 0;
    uint64_t asid_ = 0;
    bool space_selected_ = false;
    uint64_t begin_ = 0;  // instr
    uint64_t end_ = 0;    // instructions executed
};

}  // namespace panda::analyze_blocks
