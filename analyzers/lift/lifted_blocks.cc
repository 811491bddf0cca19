#include "analyzers/lift/lifted_blocks.h"

#include <llvm/Bitcode/BitcodeWriter.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Linker/Linker.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Transforms/Utils/Cloning.h>

#include <algorithm>
#include <filesystem>

#include "common/error.h"
#include "common/file.h"

namespace panda::lift {

using trace::tcg::Opcode;
using trace::tcg::Operation;

namespace {

void verify(const llvm::Function& function) {
    std::string why;
    llvm::raw_string_ostream out(why);
    if (llvm::verifyFunction(function, &out))
        throw Error("LLVM does not accept what was made of it: " + why.substr(0, why.find('\n')));
}

// A repeated string instruction (target/i386/tcg/translate.c, do_gen_rep()) that QEMU translated after others starts a block of
// its own here, and stores the form of the flags (cc_op) that these others left. Whoever gives the block its flags knows a
// form that fits them, so the store is left out: it stands before everything that the instruction does, in an
// instruction that does not change the flags.
void drop_form_of_flags(const trace::tcg::Dialect& dialect, trace::tcg::BlockOperations& block) {
    const auto global = [&](uint16_t number) -> std::string_view {
        const trace::tcg::Temporary& temporary = block.temporaries[number];
        return temporary.kind == trace::tcg::TempKind::global
                   ? std::string_view(dialect.globals()[temporary.global].name)
                   : std::string_view();
    };
    auto store = block.operations.end();
    for (auto at = block.operations.begin(); at != block.operations.end() && at->instruction == 0; ++at) {
        for (const uint16_t output : block.outputs(*at)) {
            if (global(output) == "cc_op") {
                if (store != block.operations.end() || at->opcode != Opcode::mov)
                    return;
                store = at;
            } else if (global(output).starts_with("cc_")) {
                return;
            }
        }
    }
    if (store != block.operations.end())
        block.operations.erase(store);
}

// Leaves the operations of the first instructions. Labels of what follows are where these end.
void cut(trace::tcg::BlockOperations& block, uint32_t instructions) {
    std::vector<Operation>& operations = block.operations;
    std::vector<bool> set(block.labels.size());
    std::vector<Operation> later;
    const auto end = std::ranges::find_if(operations, [&](const Operation& operation) {
        return operation.opcode == Opcode::insn_start && operation.instruction == instructions;
    });
    for (auto at = operations.begin(); at != end; ++at)
        if (at->opcode == Opcode::set_label)
            set[block.label(*at)] = true;
    std::copy_if(end, operations.end(), std::back_inserter(later), [&](const Operation& operation) {
        return operation.opcode == Opcode::set_label && !set[block.label(operation)];
    });
    operations.erase(end, operations.end());
    operations.insert(operations.end(), later.begin(), later.end());
}

}  // namespace

std::string cut_name(uint32_t id, uint32_t instructions) {
    return block_name(id) + "_first_" + std::to_string(instructions);
}

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

trace::tcg::BlockOperations LiftedBlocks::operations_of(uint32_t id) const {
    const trace::BlockView block = reader_.blocks()[id];
    const auto instructions = static_cast<uint32_t>(block.instruction_offsets.size());
    auto operations = trace::tcg::parse_operations(dialect_, block.tcg, instructions, {reader_.path(), id});
    drop_form_of_flags(dialect_, operations);
    if (change_)
        change_(operations);
    return operations;
}

std::unique_ptr<llvm::Module> LiftedBlocks::empty_module() {
    auto module = std::make_unique<llvm::Module>("blocks", *context_.getContext());
    module->setDataLayout(helpers_.module->getDataLayout());
    module->setTargetTriple(helpers_.module->getTargetTriple());
    return module;
}

void LiftedBlocks::add(llvm::Module& module, uint32_t id, const std::string& name,
                       const trace::tcg::BlockOperations& operations) {
    try {
        verify(lifter_.lift(module, name, operations));
    } catch (const Error& error) {
        throw FileError(reader_.path(), "block " + std::to_string(id), error.what());
    }
}

std::unique_ptr<llvm::Module> LiftedBlocks::lift(std::span<const uint32_t> ids) {
    auto module = empty_module();
    for (const uint32_t id : ids)
        add(*module, id, block_name(id), operations_of(id));
    return module;
}

std::unique_ptr<llvm::Module> LiftedBlocks::lift_cut(uint32_t id, uint32_t instructions) {
    trace::tcg::BlockOperations operations = operations_of(id);
    cut(operations, instructions);
    auto module = empty_module();
    add(*module, id, cut_name(id, instructions), operations);
    return module;
}

std::optional<uint32_t> LiftedBlocks::flags_form(uint32_t id, uint32_t instruction) const {
    const trace::tcg::BlockOperations operations = operations_of(id);
    std::optional<uint32_t> dynamic;  // what the first instruction has: CC_OP_DYNAMIC
    for (const Operation& operation : operations.operations) {
        if (operation.opcode != Opcode::insn_start)
            continue;
        const auto form = static_cast<uint32_t>(operations.constants_of(operation)[1]);
        if (!dynamic)
            dynamic = form;
        if (operation.instruction == instruction)
            return form == *dynamic ? std::nullopt : std::optional(form);
    }
    return std::nullopt;
}

Helpers LiftedBlocks::read_helpers_again() {
    return read_helpers(*context_.getContext(), helper_directory_);
}

void LiftedBlocks::link_helpers(llvm::Module& module) {
    Helpers fresh = read_helpers_again();
    if (llvm::Linker::linkModules(module, std::move(fresh.module), llvm::Linker::LinkOnlyNeeded))
        throw Error("LLVM cannot link the helpers with the blocks");
}

void link_into(llvm::Module& module, std::unique_ptr<llvm::Module> other) {
    if (llvm::Linker::linkModules(module, std::move(other)))
        throw Error("LLVM cannot link blocks with one another");
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
