// The blocks of a trace, as modules of LLVM IR.
#pragma once

#include <llvm/ExecutionEngine/Orc/ThreadSafeModule.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>

#include <memory>
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
    Lifter lifter_;
};

// "block_17"
std::string block_name(uint32_t id);

// Runs LLVM's pipeline over a module.
void optimize(llvm::Module& module, Level level);

// Writes a module as text if the name ends in .ll, else as bitcode. Throws FileError.
void write_module(const llvm::Module& module, const std::string& path, bool overwrite);

}  // namespace panda::lift
