// Calls of helpers: with the types that they have in the bitcode, where a value of 128 bits is two of 64.
#include "analyzers/lift/block_builder.h"
#include "common/error.h"

namespace panda::lift {

using tcg::Call;
using tcg::CallType;

namespace {

// It looks for the host's code of the next block, which is up to the program that runs the function.
constexpr const char* looks_for_code = "lookup_tb_ptr";

std::vector<llvm::Value*> arguments(BlockBuilder& b, const tcg::Operation& operation, const Call& call) {
    const auto inputs = b.block().inputs(operation);
    std::vector<llvm::Value*> values;
    size_t at = 0;
    for (unsigned i = 0; call.argument(i) != CallType::none; ++i) {
        const CallType type = call.argument(i);
        if (type == CallType::pointer) {
            values.push_back(b.pointer(inputs[at++]));
            continue;
        }
        values.push_back(b.get(inputs[at++]));
        if (type == CallType::i128)
            values.push_back(b.get(inputs[at++]));
    }
    return values;
}

void check(const llvm::Function& helper, const std::vector<llvm::Value*>& values, const std::string& name) {
    const llvm::FunctionType* type = helper.getFunctionType();
    bool same = type->getNumParams() == values.size() && !type->isVarArg();
    for (unsigned i = 0; same && i < values.size(); ++i)
        same = type->getParamType(i) == values[i]->getType();
    if (!same)
        throw Error("the bitcode has a helper " + name + " of another type");
}

void set_result(BlockBuilder& b, const tcg::Operation& operation, const Call& call, llvm::Value* result) {
    auto& ir = b.ir();
    if (call.result() == CallType::i128) {
        for (unsigned i = 0; i < 2; ++i)
            b.output(operation, i, ir.CreateExtractValue(result, i));
    } else if (call.result() == CallType::pointer) {
        b.output(operation, ir.CreatePtrToInt(result, ir.getInt64Ty()));
    } else if (call.result() != CallType::none) {
        b.output(operation, result);
    }
}

void check_result(const llvm::Function& helper, const Call& call, llvm::LLVMContext& context) {
    llvm::Type* type = helper.getReturnType();
    auto* i64 = llvm::Type::getInt64Ty(context);
    bool same = false;
    switch (call.result()) {
        case CallType::none:
            same = type->isVoidTy();
            break;
        case CallType::i32:
        case CallType::s32:
            same = type->isIntegerTy(32);
            break;
        case CallType::i64:
        case CallType::s64:
            same = type->isIntegerTy(64);
            break;
        case CallType::pointer:
            same = type->isPointerTy();
            break;
        case CallType::i128:
            same = type == llvm::StructType::get(context, {i64, i64});
            break;
    }
    if (!same)
        throw Error("the bitcode has a helper " + call.name + " that returns another type");
}

}  // namespace

bool lift_call(BlockBuilder& b, const tcg::Operation& operation, const llvm::Module& helpers) {
    if (operation.opcode != tcg::Opcode::call)
        return false;
    const Call& call = b.block().call(operation);
    if (call.name == looks_for_code) {
        b.output(operation, b.ir().getInt64(0));
        return true;
    }
    const std::string name = "helper_" + call.name;
    const llvm::Function* helper = helpers.getFunction(name);
    if (helper == nullptr)
        throw Error("the bitcode has no helper " + call.name);
    const std::vector<llvm::Value*> values = arguments(b, operation, call);
    check(*helper, values, call.name);
    check_result(*helper, call, b.ir().getContext());
    const auto callee = b.module().getOrInsertFunction(name, helper->getFunctionType());
    auto* result = b.ir().CreateCall(callee, values);
    b.mark(result);
    set_result(b, operation, call, result);
    if ((call.flags & Call::no_return) != 0) {
        b.ir().CreateUnreachable();
        b.continue_anywhere();
    }
    return true;
}

}  // namespace panda::lift
