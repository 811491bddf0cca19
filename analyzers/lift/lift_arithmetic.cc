// Arithmetic, logic and comparisons of scalars. docs/devel/tcg-ops.rst of QEMU says what each operation does.
#include "analyzers/lift/block_builder.h"

namespace panda::lift {

using tcg::Opcode;

namespace {

// A divisor, or 1 where the division would be undefined: by 0, and of the least number by -1. TCG leaves these undefined
// too, and QEMU's front ends do not let them happen.
llvm::Value* safe_divisor(BlockBuilder& b, llvm::Value* dividend, llvm::Value* divisor, bool is_signed) {
    auto& ir = b.ir();
    llvm::Type* type = divisor->getType();
    llvm::Value* one = llvm::ConstantInt::get(type, 1);
    llvm::Value* bad = ir.CreateICmpEQ(divisor, llvm::Constant::getNullValue(type));
    if (is_signed) {
        auto* least =
            llvm::ConstantInt::get(type, llvm::APInt::getSignedMinValue(type->getIntegerBitWidth()));
        bad = ir.CreateOr(bad, ir.CreateAnd(ir.CreateICmpEQ(divisor, llvm::Constant::getAllOnesValue(type)),
                                            ir.CreateICmpEQ(dividend, least)));
    }
    return ir.CreateSelect(bad, one, divisor);
}

llvm::Value* divide(BlockBuilder& b, Opcode opcode, llvm::Value* x, llvm::Value* y) {
    auto& ir = b.ir();
    const bool is_signed = opcode == Opcode::div || opcode == Opcode::rem;
    y = safe_divisor(b, x, y, is_signed);
    if (opcode == Opcode::div || opcode == Opcode::divu)
        return is_signed ? ir.CreateSDiv(x, y) : ir.CreateUDiv(x, y);
    return is_signed ? ir.CreateSRem(x, y) : ir.CreateURem(x, y);
}

// Of twice the width, out of two values; and the halves of such a value.
llvm::Value* joined(BlockBuilder& b, llvm::Value* low, llvm::Value* high) {
    auto& ir = b.ir();
    const unsigned bits = low->getType()->getIntegerBitWidth();
    llvm::Type* twice = b.integer(2 * bits);
    return ir.CreateOr(ir.CreateZExt(low, twice), ir.CreateShl(ir.CreateZExt(high, twice), bits));
}

void output_halves(BlockBuilder& b, const tcg::Operation& operation, llvm::Value* value) {
    const unsigned bits = value->getType()->getIntegerBitWidth() / 2;
    llvm::Value* low = b.ir().CreateTrunc(value, b.integer(bits));
    llvm::Value* high = b.ir().CreateTrunc(b.ir().CreateLShr(value, bits), b.integer(bits));
    b.output(operation, 0, low);
    b.output(operation, 1, high);
}

llvm::Value* product(BlockBuilder& b, const tcg::Operation& operation, bool is_signed) {
    auto& ir = b.ir();
    llvm::Type* twice = b.integer(2 * tcg::width(operation.type));
    llvm::Value* x = b.input(operation, 0);
    llvm::Value* y = b.input(operation, 1);
    return is_signed ? ir.CreateMul(ir.CreateSExt(x, twice), ir.CreateSExt(y, twice))
                     : ir.CreateMul(ir.CreateZExt(x, twice), ir.CreateZExt(y, twice));
}

void wide_division(BlockBuilder& b, const tcg::Operation& operation, bool is_signed) {
    auto& ir = b.ir();
    llvm::Value* x = joined(b, b.input(operation, 0), b.input(operation, 1));
    llvm::Value* y = b.input(operation, 2);
    y = is_signed ? ir.CreateSExt(y, x->getType()) : ir.CreateZExt(y, x->getType());
    y = safe_divisor(b, x, y, is_signed);
    llvm::Value* quotient = is_signed ? ir.CreateSDiv(x, y) : ir.CreateUDiv(x, y);
    llvm::Value* rest = is_signed ? ir.CreateSRem(x, y) : ir.CreateURem(x, y);
    llvm::Type* type = b.type_of(operation.type);
    b.output(operation, 0, ir.CreateTrunc(quotient, type));
    b.output(operation, 1, ir.CreateTrunc(rest, type));
}

// add2 and sub2: two halves of each number.
void wide_sum(BlockBuilder& b, const tcg::Operation& operation, bool add) {
    llvm::Value* x = joined(b, b.input(operation, 0), b.input(operation, 1));
    llvm::Value* y = joined(b, b.input(operation, 2), b.input(operation, 3));
    output_halves(b, operation, add ? b.ir().CreateAdd(x, y) : b.ir().CreateSub(x, y));
}

void high_half(BlockBuilder& b, const tcg::Operation& operation, bool is_signed) {
    llvm::Value* high = b.ir().CreateLShr(product(b, operation, is_signed), tcg::width(operation.type));
    b.output(operation, b.ir().CreateTrunc(high, b.type_of(operation.type)));
}

bool lift_binary(BlockBuilder& b, const tcg::Operation& operation) {
    auto& ir = b.ir();
    if (b.block().inputs(operation).size() != 2 || operation.outputs != 1)
        return false;
    llvm::Value* x = b.input(operation, 0);
    llvm::Value* y = b.input(operation, 1);
    switch (operation.opcode) {
        case Opcode::add:
            b.output(operation, ir.CreateAdd(x, y));
            return true;
        case Opcode::sub:
            b.output(operation, ir.CreateSub(x, y));
            return true;
        case Opcode::mul:
            b.output(operation, ir.CreateMul(x, y));
            return true;
        case Opcode::div:
        case Opcode::divu:
        case Opcode::rem:
        case Opcode::remu:
            b.output(operation, divide(b, operation.opcode, x, y));
            return true;
        case Opcode::and_:
            b.output(operation, ir.CreateAnd(x, y));
            return true;
        case Opcode::or_:
            b.output(operation, ir.CreateOr(x, y));
            return true;
        case Opcode::xor_:
            b.output(operation, ir.CreateXor(x, y));
            return true;
        case Opcode::andc:
            b.output(operation, ir.CreateAnd(x, ir.CreateNot(y)));
            return true;
        case Opcode::orc:
            b.output(operation, ir.CreateOr(x, ir.CreateNot(y)));
            return true;
        case Opcode::eqv:
            b.output(operation, ir.CreateNot(ir.CreateXor(x, y)));
            return true;
        case Opcode::nand:
            b.output(operation, ir.CreateNot(ir.CreateAnd(x, y)));
            return true;
        case Opcode::nor:
            b.output(operation, ir.CreateNot(ir.CreateOr(x, y)));
            return true;
        case Opcode::setcond:
        case Opcode::negsetcond: {
            llvm::Value* bit = b.compare(b.block().condition(operation), x, y);
            llvm::Type* type = b.type_of(operation.type);
            b.output(operation, operation.opcode == Opcode::setcond ? ir.CreateZExt(bit, type)
                                                                    : ir.CreateSExt(bit, type));
            return true;
        }
        default:
            return false;
    }
}

}  // namespace

bool lift_arithmetic(BlockBuilder& b, const tcg::Operation& operation) {
    if (lift_binary(b, operation))
        return true;
    auto& ir = b.ir();
    switch (operation.opcode) {
        case Opcode::mov:
            b.output(operation, b.input(operation, 0));
            return true;
        case Opcode::neg:
            b.output(operation, ir.CreateNeg(b.input(operation, 0)));
            return true;
        case Opcode::not_:
            b.output(operation, ir.CreateNot(b.input(operation, 0)));
            return true;
        case Opcode::movcond: {
            llvm::Value* bit =
                b.compare(b.block().condition(operation), b.input(operation, 0), b.input(operation, 1));
            b.output(operation, ir.CreateSelect(bit, b.input(operation, 2), b.input(operation, 3)));
            return true;
        }
        case Opcode::div2:
        case Opcode::divu2:
            wide_division(b, operation, operation.opcode == Opcode::div2);
            return true;
        case Opcode::add2:
        case Opcode::sub2:
            wide_sum(b, operation, operation.opcode == Opcode::add2);
            return true;
        case Opcode::mulu2:
        case Opcode::muls2:
            output_halves(b, operation, product(b, operation, operation.opcode == Opcode::muls2));
            return true;
        case Opcode::muluh:
        case Opcode::mulsh:
            high_half(b, operation, operation.opcode == Opcode::mulsh);
            return true;
        default:
            return false;
    }
}

}  // namespace panda::lift
