// The blocks of a trace, as modules of LLVM IR.
#pragma once

#include <llvm/ExecutionEngine/Orc/ThreadSafeModule.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "analyzers/lift/helpers.h"
#include "analyzers/lift/lifter.h"
#include "trace/reading/reader.h"

namespace panda::lift {

// How much LLVM's own pipeline of this level improves the code, 0 to 3; always without vectorization.
enum class Level : uint8_t { none, little, default_, much };

class LiftedBlocks {
  public:
    // reader: opened with ReaderOptions::tcg; must outlive this. helpers: the directory with QEMU's helpers. Throws
    // FileError when the trace has no TCG operations, or helpers are missing.
    LiftedBlocks(const trace::TraceReader& reader, const std::string& helpers);

    // A module with the functions of these blocks, which are in the reader's table, checked by LLVM's verifier. Throws
    // FileError, which names the block, when a block's operations are damaged or cannot be lifted.
    std::unique_ptr<llvm::Module> lift(std::span<const uint32_t> ids);
    // The function of a block's first `instructions` instructions, fewer than it has, as cut_name() calls it: for executions
    // that an exception or the end of a replay cuts. It leaves rip, and the form of the flags (cc_op), as an instruction
    // before left them.
    std::unique_ptr<llvm::Module> lift_cut(uint32_t id, uint32_t instructions);
    // The form of the flags (QEMU's cc_op) before this instruction of a block; nothing if only the state has it.
    std::optional<uint32_t> flags_form(uint32_t id, uint32_t instruction) const;
    // For tests of the check: `change` is called with each block's operations before they are lifted.
    void change_operations(std::function<void(trace::tcg::BlockOperations&)> change) {
        change_ = std::move(change);
    }
    // Adds to a module from lift() the helpers that it calls, and what these call. Takes tens of milliseconds.
    void link_helpers(llvm::Module& module);

    // The context of all these modules, for LLVM's ORC.
    const llvm::orc::ThreadSafeContext& shared_context() const { return context_; }
    // The helpers once more, as a module of its own.
    Helpers read_helpers_again();
    const StateLayout& layout() const { return helpers_.layout; }
    const trace::tcg::Dialect& dialect() const { return dialect_; }

  private:
    const trace::TraceReader& reader_;
    std::string helper_directory_;
    llvm::orc::ThreadSafeContext context_;
    Helpers helpers_;
    trace::tcg::Dialect dialect_;
    trace::tcg::BlockOperations operations_of(uint32_t id) const;
    std::unique_ptr<llvm::Module> empty_module();
    void add(llvm::Module& module, uint32_t id, const std::string& name,
             const trace::tcg::BlockOperations& operations);

    Lifter lifter_;
    std::function<void(trace::tcg::BlockOperations&)> change_;
};

// "block_17"
std::string block_name(uint32_t id);
// "block_17_first_3"
std::string cut_name(uint32_t id, uint32_t instructions);

// Adds what is in another module of the same context, which shares no names of functions with it.
void link_into(llvm::Module& module, std::unique_ptr<llvm::Module> other);

// Runs LLVM's pipeline over a module.
void optimize(llvm::Module& module, Level level);

// Writes a module as text if the name ends in .ll, else as bitcode. Throws FileError.
void write_module(const llvm::Module& module, const std::string& path, bool overwrite);

}  // namespace panda::lift
