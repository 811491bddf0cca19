// What the rules of all operations share: the function that grows, and the temporaries, state and labels of its block.
// Internal.
#pragma once

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include <string>
#include <vector>

#include "analyzers/lift/state_layout.h"
#include "trace/tcg/operations.h"

namespace panda::lift {

namespace tcg = trace::tcg;

// A function takes the state and returns why it ended (ExitCode in lifter.h).
class BlockBuilder {
  public:
    // function: empty. dialect, block and layout must outlive this.
    BlockBuilder(llvm::Function& function, const tcg::Dialect& dialect, const tcg::BlockOperations& block,
                 const StateLayout& layout);

    llvm::IRBuilder<>& ir() { return ir_; }
    llvm::Module& module() { return *function_.getParent(); }
    const tcg::BlockOperations& block() const { return block_; }

    llvm::IntegerType* integer(unsigned bits) { return ir_.getIntNTy(bits); }
    // iN for a scalar, <N/64 x i64> for a vector.
    llvm::Type* type_of(tcg::Type type);

    // The value of a temporary, in the type that it has.
    llvm::Value* get(uint16_t temporary);
    void set(uint16_t temporary, llvm::Value* value);
    // Inputs and outputs of an operation.
    llvm::Value* input(const tcg::Operation& operation, unsigned number) {
        return get(block_.inputs(operation)[number]);
    }
    void output(const tcg::Operation& operation, unsigned number, llvm::Value* value) {
        set(block_.outputs(operation)[number], value);
    }
    void output(const tcg::Operation& operation, llvm::Value* value) { output(operation, 0, value); }

    // The state, and a place that an address in a temporary leads to, mostly in the state.
    llvm::Value* state() { return function_.getArg(0); }
    llvm::Value* place(uint16_t temporary, int64_t offset);
    // The same for an argument of a helper.
    llvm::Value* pointer(uint16_t temporary);

    // A comparison, as i1 or, of vectors, a vector of i1.
    llvm::Value* compare(tcg::Condition condition, llvm::Value* a, llvm::Value* b);

    llvm::BasicBlock* label(size_t number) { return labels_[number]; }
    // Goes on in a block of its own: after a branch, and at a label.
    void continue_in(llvm::BasicBlock* block);
    void continue_anywhere() { continue_in(llvm::BasicBlock::Create(ir_.getContext(), "", &function_)); }
    // Whether what was built so far flows on.
    bool flows() { return ir_.GetInsertBlock()->getTerminator() == nullptr; }

    // Says of what follows to which instruction of the guest it belongs.
    void start_instruction(uint64_t pc);
    // Marks an access to memory or a call with that, for readers of the code (metadata `guest.pc`).
    llvm::Instruction* mark(llvm::Instruction* instruction);

  private:
    llvm::Value* global_place(const tcg::Temporary& temporary);
    llvm::Instruction* mark_field(llvm::Instruction* instruction, int64_t offset, unsigned bits);

    llvm::Function& function_;
    const tcg::Dialect& dialect_;
    const tcg::BlockOperations& block_;
    const StateLayout& layout_;
    llvm::IRBuilder<> ir_;
    std::vector<llvm::Value*> places_;  // of temporaries that are neither constants nor globals
    std::vector<llvm::BasicBlock*> labels_;
    llvm::MDNode* guest_pc_ = nullptr;
};

// The rules. Each builds one operation, and returns false if it has no rule for it.
bool lift_control(BlockBuilder& builder, const tcg::Operation& operation);
bool lift_memory(BlockBuilder& builder, const tcg::Operation& operation);
bool lift_arithmetic(BlockBuilder& builder, const tcg::Operation& operation);
bool lift_bits(BlockBuilder& builder, const tcg::Operation& operation);
bool lift_vector(BlockBuilder& builder, const tcg::Operation& operation);
// helpers: the module that has them.
bool lift_call(BlockBuilder& builder, const tcg::Operation& operation, const llvm::Module& helpers);

}  // namespace panda::lift
