// Lifts blocks: of each block definition's TCG operations it makes a function of LLVM IR,
//
//     i32 block_ID(ptr state)
//
// state: QEMU's CPUX86State, inside of an object that is at least as large as QEMU's (recorder/qemu/helpers/door.h).
// Returns why the block ended, an ExitCode; the next pc is the state's `eip` (relative to the code segment's base).
// Registers are where TCG's globals are in the state, and memory is reached through four functions
// (lift_load, lift_store, lift_load_wide, lift_store_wide in door.h), which the program that runs or analyses the code defines.
// Helpers are calls of QEMU's own, whose bitcode can be linked (helpers.h). An exception leaves the function through
// lift_leave(), which does not return.
//
// Metadata: accesses to the state have `state.field` (the field's name), and these, accesses to memory and calls have
// `guest.pc` (the instruction's address).
#pragma once

#include <llvm/IR/Module.h>

#include <memory>

#include "analyzers/lift/state_layout.h"
#include "trace/coding/block_table.h"
#include "trace/tcg/operations.h"

namespace panda::lift {

// Why a block ended.
enum class ExitCode : uint32_t {
    slot0 = 0,      // QEMU's goto_tb 0 or a plain end: on to the pc in the state
    slot1 = 1,      // goto_tb 1
    requested = 3,  // somebody wanted the processor to leave
    computed = 4,   // an indirect jump
};

class Lifter {
  public:
    // helpers: the module with QEMU's helpers, which says what types they have. All must outlive this.
    Lifter(const trace::tcg::Dialect& dialect, const StateLayout& layout, const llvm::Module& helpers)
        : dialect_(dialect), layout_(layout), helpers_(helpers) {}

    // Adds the function of a block to a module, with its name. name: "block_ID" for a trace's own. Throws Error, which
    // names the operation, when an operation has no rule or a helper is not among the helpers; then the module has no
    // new function.
    llvm::Function& lift(llvm::Module& module, const std::string& name,
                         const trace::tcg::BlockOperations& block) const;

  private:
    const trace::tcg::Dialect& dialect_;
    const StateLayout& layout_;
    const llvm::Module& helpers_;
};

}  // namespace panda::lift
