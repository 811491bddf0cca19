// A pass of LLVM over lifted blocks, as an example: for each instruction of the guest it prints which registers it reads and
// writes, and how often it loads from memory and stores to it. Registers and other parts of the processor are told by the metadata
// `state.field`, instructions by `guest.pc`; memory is behind the calls of lift_load and lift_store. What a helper does is not
// seen.
//
// Each line: FUNCTION PC reads=NAME,… writes=NAME,… loads=N stores=N
#include <llvm/IR/Constants.h>
#include <llvm/IR/Instructions.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/PassManager.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Passes/PassPlugin.h>
#include <llvm/Support/raw_ostream.h>

#include <map>
#include <optional>
#include <set>
#include <string>

namespace {

struct GuestInstruction {
    std::set<std::string> reads, writes;
    unsigned loads = 0, stores = 0;
};

// The address of the guest's instruction that this is a part of; nothing for what only moves values inside of a function.
std::optional<uint64_t> guest_pc(const llvm::Instruction& instruction) {
    const llvm::MDNode* node = instruction.getMetadata("guest.pc");
    if (node == nullptr)
        return std::nullopt;
    return llvm::mdconst::extract<llvm::ConstantInt>(node->getOperand(0))->getZExtValue();
}

// The register, or another field of the state, that a load or a store reaches; empty if it is not known by name.
std::string state_field(const llvm::Instruction& instruction) {
    const llvm::MDNode* node = instruction.getMetadata("state.field");
    return node == nullptr ? "" : llvm::cast<llvm::MDString>(node->getOperand(0))->getString().str();
}

void add(GuestInstruction& guest, const llvm::Instruction& instruction) {
    if (const auto* call = llvm::dyn_cast<llvm::CallInst>(&instruction)) {
        const llvm::Function* callee = call->getCalledFunction();
        guest.loads += callee != nullptr && callee->getName().starts_with("lift_load");
        guest.stores += callee != nullptr && callee->getName().starts_with("lift_store");
    } else if (const std::string field = state_field(instruction); !field.empty()) {
        (llvm::isa<llvm::LoadInst>(instruction) ? guest.reads : guest.writes).insert(field);
    }
}

void print(const char* name, const std::set<std::string>& fields) {
    llvm::outs() << ' ' << name << '=';
    const char* before = "";
    for (const std::string& field : fields) {
        llvm::outs() << before << field;
        before = ",";
    }
}

class PrintGuestInstructions : public llvm::PassInfoMixin<PrintGuestInstructions> {
  public:
    llvm::PreservedAnalyses run(llvm::Function& function, llvm::FunctionAnalysisManager&) {
        std::map<uint64_t, GuestInstruction> found;
        for (const llvm::BasicBlock& block : function)
            for (const llvm::Instruction& instruction : block)
                if (const auto pc = guest_pc(instruction))
                    add(found[*pc], instruction);
        for (const auto& [pc, guest] : found) {
            llvm::outs() << function.getName() << " 0x";
            llvm::outs().write_hex(pc);
            print("reads", guest.reads);
            print("writes", guest.writes);
            llvm::outs() << " loads=" << guest.loads << " stores=" << guest.stores << '\n';
        }
        return llvm::PreservedAnalyses::all();
    }
};

}  // namespace

static bool add_by_name(llvm::StringRef name, llvm::FunctionPassManager& passes,
                        llvm::ArrayRef<llvm::PassBuilder::PipelineElement>) {
    if (name != "guest-instructions")
        return false;
    passes.addPass(PrintGuestInstructions());
    return true;
}

// opt-19 looks for this when it loads a plugin.
extern "C" LLVM_ATTRIBUTE_WEAK llvm::PassPluginLibraryInfo llvmGetPassPluginInfo() {
    return {LLVM_PLUGIN_API_VERSION, "guest-instructions", "1",
            [](llvm::PassBuilder& builder) { builder.registerPipelineParsingCallback(add_by_name); }};
}
