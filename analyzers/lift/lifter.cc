#include "analyzers/lift/lifter.h"

#include "analyzers/lift/block_builder.h"
#include "common/error.h"
#include "trace/tcg/print.h"

namespace panda::lift {

namespace {

void lift_operation(BlockBuilder& builder, const tcg::Operation& operation, const llvm::Module& helpers) {
    const bool done = lift_control(builder, operation) || lift_memory(builder, operation) ||
                      (tcg::is_vector(operation.type) && lift_vector(builder, operation)) ||
                      (!tcg::is_vector(operation.type) &&
                       (lift_arithmetic(builder, operation) || lift_bits(builder, operation))) ||
                      lift_call(builder, operation, helpers);
    if (!done)
        throw Error("there is no rule for it");
}

}  // namespace

llvm::Function& Lifter::lift(llvm::Module& module, const std::string& name,
                             const tcg::BlockOperations& block) const {
    auto& context = module.getContext();
    auto* type =
        llvm::FunctionType::get(llvm::Type::getInt32Ty(context), {llvm::PointerType::get(context, 0)}, false);
    llvm::Function* function = llvm::Function::Create(type, llvm::GlobalValue::ExternalLinkage, name, module);
    function->getArg(0)->setName("state");
    function->addParamAttr(0, llvm::Attribute::NonNull);
    BlockBuilder builder(*function, dialect_, block, layout_);
    for (const tcg::Operation& operation : block.operations) {
        try {
            lift_operation(builder, operation, helpers_);
        } catch (const Error& error) {
            function->eraseFromParent();
            throw Error("operation" + tcg::operation_text(dialect_, block, operation) + ": " + error.what());
        }
    }
    // Nothing comes here: a block of QEMU ends with an exit. A part of a block may not.
    if (builder.flows())
        builder.ir().CreateRet(builder.ir().getInt32(static_cast<uint32_t>(ExitCode::slot0)));
    return *function;
}

}  // namespace panda::lift
