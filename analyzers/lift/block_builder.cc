#include "analyzers/lift/block_builder.h"

namespace panda::lift {

using tcg::Condition;
using tcg::TempKind;

BlockBuilder::BlockBuilder(llvm::Function& function, const tcg::Dialect& dialect,
                           const tcg::BlockOperations& block, const StateLayout& layout)
    : function_(function), dialect_(dialect), block_(block), layout_(layout), ir_(function.getContext()) {
    ir_.SetInsertPoint(llvm::BasicBlock::Create(function.getContext(), "", &function));
    for (const tcg::Temporary& temporary : block.temporaries) {
        const bool own = temporary.kind == TempKind::until_branch || temporary.kind == TempKind::whole_block;
        places_.push_back(own ? ir_.CreateAlloca(type_of(temporary.type)) : nullptr);
    }
    for (size_t i = 0; i < block.labels.size(); ++i)
        labels_.push_back(llvm::BasicBlock::Create(function.getContext(), "", &function));
}

llvm::Type* BlockBuilder::type_of(tcg::Type type) {
    if (tcg::is_vector(type))
        return llvm::FixedVectorType::get(ir_.getInt64Ty(), tcg::width(type) / 64);
    return integer(tcg::width(type));
}

llvm::Value* BlockBuilder::global_place(const tcg::Temporary& temporary) {
    return ir_.CreateConstInBoundsGEP1_64(ir_.getInt8Ty(), state(),
                                          dialect_.globals()[temporary.global].offset);
}

llvm::Value* BlockBuilder::get(uint16_t number) {
    const tcg::Temporary& temporary = block_.temporaries[number];
    llvm::Type* type = type_of(temporary.type);
    switch (temporary.kind) {
        case TempKind::constant:
            if (tcg::is_vector(temporary.type))
                return llvm::ConstantInt::get(type, static_cast<uint64_t>(temporary.value));
            return llvm::ConstantInt::getSigned(type, temporary.type == tcg::Type::i32
                                                          ? static_cast<int32_t>(temporary.value)
                                                          : temporary.value);
        case TempKind::fixed:
            return ir_.CreatePtrToInt(state(), type);
        case TempKind::global:
            return mark_field(ir_.CreateAlignedLoad(type, global_place(temporary), llvm::Align(4)),
                              dialect_.globals()[temporary.global].offset, tcg::width(temporary.type));
        default:
            return ir_.CreateLoad(type, places_[number]);
    }
}

void BlockBuilder::set(uint16_t number, llvm::Value* value) {
    const tcg::Temporary& temporary = block_.temporaries[number];
    if (temporary.kind == TempKind::global)
        mark_field(ir_.CreateAlignedStore(value, global_place(temporary), llvm::Align(4)),
                   dialect_.globals()[temporary.global].offset, tcg::width(temporary.type));
    else
        ir_.CreateStore(value, places_[number]);
}

llvm::Value* BlockBuilder::place(uint16_t temporary, int64_t offset) {
    return ir_.CreateConstGEP1_64(ir_.getInt8Ty(), pointer(temporary), static_cast<uint64_t>(offset));
}

llvm::Value* BlockBuilder::pointer(uint16_t temporary) {
    if (block_.temporaries[temporary].kind == TempKind::fixed)
        return state();
    return ir_.CreateIntToPtr(get(temporary), ir_.getPtrTy());
}

llvm::Value* BlockBuilder::compare(Condition condition, llvm::Value* a, llvm::Value* b) {
    using Predicate = llvm::CmpInst::Predicate;
    llvm::Constant* zero = llvm::Constant::getNullValue(a->getType());
    switch (condition) {
        case Condition::never:
            return ir_.CreateICmpNE(a, a);
        case Condition::always:
            return ir_.CreateICmpEQ(a, a);
        case Condition::eq:
            return ir_.CreateICmpEQ(a, b);
        case Condition::ne:
            return ir_.CreateICmpNE(a, b);
        case Condition::lt:
            return ir_.CreateICmp(Predicate::ICMP_SLT, a, b);
        case Condition::ge:
            return ir_.CreateICmp(Predicate::ICMP_SGE, a, b);
        case Condition::gt:
            return ir_.CreateICmp(Predicate::ICMP_SGT, a, b);
        case Condition::le:
            return ir_.CreateICmp(Predicate::ICMP_SLE, a, b);
        case Condition::ltu:
            return ir_.CreateICmp(Predicate::ICMP_ULT, a, b);
        case Condition::geu:
            return ir_.CreateICmp(Predicate::ICMP_UGE, a, b);
        case Condition::gtu:
            return ir_.CreateICmp(Predicate::ICMP_UGT, a, b);
        case Condition::leu:
            return ir_.CreateICmp(Predicate::ICMP_ULE, a, b);
        case Condition::tsteq:
            return ir_.CreateICmpEQ(ir_.CreateAnd(a, b), zero);
        case Condition::tstne:
            return ir_.CreateICmpNE(ir_.CreateAnd(a, b), zero);
    }
    throw Error("a condition without a rule");
}

void BlockBuilder::continue_in(llvm::BasicBlock* block) {
    if (flows())
        ir_.CreateBr(block);
    ir_.SetInsertPoint(block);
}

void BlockBuilder::start_instruction(uint64_t pc) {
    auto* number = llvm::ConstantAsMetadata::get(ir_.getInt64(pc));
    guest_pc_ = llvm::MDNode::get(ir_.getContext(), number);
}

llvm::Instruction* BlockBuilder::mark(llvm::Instruction* instruction) {
    if (guest_pc_ != nullptr)
        instruction->setMetadata("guest.pc", guest_pc_);
    return instruction;
}

llvm::Instruction* BlockBuilder::mark_field(llvm::Instruction* instruction, int64_t offset, unsigned bits) {
    if (const std::string* name = layout_.name(offset, bits / 8)) {
        auto* text = llvm::MDString::get(ir_.getContext(), *name);
        instruction->setMetadata("state.field", llvm::MDNode::get(ir_.getContext(), text));
    }
    return mark(instruction);
}

}  // namespace panda::lift
