// How a block of code hands over control: by a call, a return, and so on.
#pragma once

#include <cstdint>
#include <vector>

#include "trace/coding/block_table.h"

namespace panda::callstack {

enum class FlowKind : uint8_t {
    plain,          // falls through, jumps to a place that the code names, or leaves by an event
    indirect_jump,  // to an address from a register or from memory
    call,
    ret,
    interrupt_return,  // iret, rsm
};

// A block's last instruction.
struct Flow {
    FlowKind kind = FlowKind::plain;
    uint16_t last = 0;            // index of the instruction in the block
    bool user = false;            // the block runs at privilege level 3
    uint64_t return_address = 0;  // of a call: linear address of the instruction behind it
    uint64_t pc = 0;              // linear address of the instruction
};

// Looks at the bytes of a block's last instruction (Intel SDM volume 2, appendix A). A call to the next instruction, by
// which 32-bit code learns where it is, is not a call: nothing returns from it. A block without code is plain.
Flow flow_of(const trace::BlockView& block);

// The flows of a trace's blocks, by id. Takes 24 bytes a block.
class Flows {
  public:
    // blocks: must outlive this, and may grow.
    explicit Flows(const trace::BlockTable& blocks) : blocks_(&blocks) {}

    const Flow& operator[](uint32_t id) {
        if (id >= flows_.size()) [[unlikely]]
            grow();
        return flows_[id];
    }

  private:
    void grow();

    const trace::BlockTable* blocks_;
    std::vector<Flow> flows_;
};

}  // namespace panda::callstack
