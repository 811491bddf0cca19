// Where a block goes on, and what ends it.
#include "analyzers/lift/block_builder.h"
#include "analyzers/lift/lifter.h"

namespace panda::lift {

using tcg::Opcode;

namespace {

void end(BlockBuilder& builder, int64_t code) {
    builder.ir().CreateRet(builder.ir().getInt32(static_cast<uint32_t>(code)));
    builder.continue_anywhere();
}

void branch_on(BlockBuilder& builder, const tcg::Operation& operation) {
    llvm::Value* condition = builder.compare(builder.block().condition(operation),
                                             builder.input(operation, 0), builder.input(operation, 1));
    auto* next =
        llvm::BasicBlock::Create(builder.ir().getContext(), "", builder.ir().GetInsertBlock()->getParent());
    builder.ir().CreateCondBr(condition, builder.label(builder.block().label(operation)), next);
    builder.continue_in(next);
}

}  // namespace

bool lift_control(BlockBuilder& builder, const tcg::Operation& operation) {
    switch (operation.opcode) {
        case Opcode::insn_start:
            builder.start_instruction(static_cast<uint64_t>(builder.block().constants_of(operation)[0]));
            return true;
        // One processor, in order. What goto_tb does is up to the program that runs the next block.
        case Opcode::discard:
        case Opcode::mb:
        case Opcode::goto_tb:
            return true;
        case Opcode::set_label:
            builder.continue_in(builder.label(builder.block().label(operation)));
            return true;
        case Opcode::br:
            builder.ir().CreateBr(builder.label(builder.block().label(operation)));
            builder.continue_anywhere();
            return true;
        case Opcode::brcond:
            branch_on(builder, operation);
            return true;
        case Opcode::exit_tb:
            end(builder, builder.block().constants_of(operation)[0]);
            return true;
        case Opcode::goto_ptr:
            end(builder, static_cast<int64_t>(ExitCode::computed));
            return true;
        default:
            return false;
    }
}

}  // namespace panda::lift
