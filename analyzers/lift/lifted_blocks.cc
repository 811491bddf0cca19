#include "analyzers/lift/lifted_blocks.h"

#include <llvm/Bitcode/BitcodeWriter.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Linker/Linker.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Transforms/Utils/Cloning.h>

#include <filesystem>

#include "common/error.h"
#include "common/file.h"

namespace panda::lift {
namespace {

void verify(const llvm::Function& function) {
    std::string why;
    llvm::raw_string_ostream out(why);
    if (llvm::verifyFunction(function, &out))
        throw Error("LLVM does not accept what was made of it: " + why.substr(0, why.find('\n')));
}

}  // namespace

std::string block_name(uint32_t id) {
    return "block_" + std::to_string(id);
}

LiftedBlocks::LiftedBlocks(const trace::TraceReader& reader, const std::string& helpers)
    : reader_(reader),
      helper_directory_(helpers),
      context_(std::make_unique<llvm::LLVMContext>()),
      helpers_(read_helpers(*context_.getContext(), helpers)),
      dialect_(trace::tcg::Dialect::of(reader.header(), reader.path())),
      lifter_(dialect_, helpers_.layout, *helpers_.module) {}

std::unique_ptr<llvm::Module> LiftedBlocks::lift(std::span<const uint32_t> ids) {
    auto module = std::make_unique<llvm::Module>("blocks", *context_.getContext());
    module->setDataLayout(helpers_.module->getDataLayout());
    module->setTargetTriple(helpers_.module->getTargetTriple());
    for (const uint32_t id : ids) {
        const trace::BlockView block = reader_.blocks()[id];
        const auto instructions = static_cast<uint32_t>(block.instruction_offsets.size());
        const auto operations =
            trace::tcg::parse_operations(dialect_, block.tcg, instructions, {reader_.path(), id});
        try {
            verify(lifter_.lift(*module, block_name(id), operations));
        } catch (const Error& error) {
            throw FileError(reader_.path(), "block " + std::to_string(id), error.what());
        }
    }
    return module;
}

Helpers LiftedBlocks::read_helpers_again() {
    return read_helpers(*context_.getContext(), helper_directory_);
}

void LiftedBlocks::link_helpers(llvm::Module& module) {
    Helpers fresh = read_helpers_again();
    if (llvm::Linker::linkModules(module, std::move(fresh.module), llvm::Linker::LinkOnlyNeeded))
        throw Error("LLVM cannot link the helpers with the blocks");
}

void optimize(llvm::Module& module, Level level) {
    if (level == Level::none)
        return;
    const llvm::OptimizationLevel levels[] = {llvm::OptimizationLevel::O0, llvm::OptimizationLevel::O1,
                                              llvm::OptimizationLevel::O2, llvm::OptimizationLevel::O3};
    llvm::PipelineTuningOptions tuning;
    tuning.LoopVectorization = false;
    tuning.SLPVectorization = false;
    llvm::PassBuilder builder(nullptr, tuning);
    llvm::LoopAnalysisManager loops;
    llvm::FunctionAnalysisManager functions;
    llvm::CGSCCAnalysisManager calls;
    llvm::ModuleAnalysisManager modules;
    builder.registerModuleAnalyses(modules);
    builder.registerCGSCCAnalyses(calls);
    builder.registerFunctionAnalyses(functions);
    builder.registerLoopAnalyses(loops);
    builder.crossRegisterProxies(loops, functions, calls, modules);
    builder.buildPerModuleDefaultPipeline(levels[static_cast<size_t>(level)]).run(module, modules);
}

void write_module(const llvm::Module& module, const std::string& path, bool overwrite) {
    std::string bytes;
    llvm::raw_string_ostream out(bytes);
    if (path.ends_with(".ll"))
        module.print(out, nullptr);
    else
        llvm::WriteBitcodeToFile(module, out);
    out.flush();
    OutputFile file(path, overwrite ? IfExists::overwrite : IfExists::refuse);
    file.write(std::as_bytes(std::span(bytes)));
    file.close();
}

}  // namespace panda::lift
