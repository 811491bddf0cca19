// Operations on vectors, by lane. Those of x86 hosts are named after the instruction that they stand for; Intel's manual
// (volume 2) says what it does.
#include "analyzers/lift/block_builder.h"

namespace panda::lift {

using tcg::Opcode;

namespace {

class Lanes {
  public:
    Lanes(BlockBuilder& b, const tcg::Operation& operation)
        : b_(b),
          ir_(b.ir()),
          operation_(operation),
          element_bits_(8u << operation.element),
          count_(tcg::width(operation.type) / element_bits_) {}

    bool lift() {
        llvm::Value* value = nullptr;
        for (const auto rule : {&Lanes::moved, &Lanes::computed, &Lanes::saturated, &Lanes::logical,
                                &Lanes::shifted, &Lanes::selected, &Lanes::of_x86}) {
            value = (this->*rule)();
            if (value != nullptr)
                break;
        }
        if (value == nullptr)
            return operation_.opcode == Opcode::st && store();
        set(value);
        return true;
    }

  private:
    llvm::FixedVectorType* vector(unsigned bits) {
        return llvm::FixedVectorType::get(b_.integer(bits), tcg::width(operation_.type) / bits);
    }

    // An input as lanes of so many bits. What is wider than the operation gives its low part.
    llvm::Value* lanes(unsigned number, unsigned bits) {
        llvm::Value* value = b_.input(operation_, number);
        const unsigned words = tcg::width(operation_.type) / 64;
        if (llvm::cast<llvm::FixedVectorType>(value->getType())->getNumElements() > words)
            value = ir_.CreateShuffleVector(value, sequence(0, words));
        return ir_.CreateBitCast(value, vector(bits));
    }
    llvm::Value* in(unsigned number) { return lanes(number, element_bits_); }

    // The result goes into the low part of a wider temporary, whose rest is not used.
    void set(llvm::Value* value) {
        const unsigned words = tcg::width(operation_.type) / 64;
        value = ir_.CreateBitCast(value, vector(64));
        const uint16_t temporary = b_.block().outputs(operation_)[0];
        const unsigned whole = tcg::width(b_.block().temporaries[temporary].type) / 64;
        if (whole > words) {
            llvm::SmallVector<int, 4> mask = sequence(0, words);
            mask.resize(whole, static_cast<int>(words));
            value = ir_.CreateShuffleVector(value, llvm::Constant::getNullValue(value->getType()), mask);
        }
        b_.set(temporary, value);
    }

    static llvm::SmallVector<int, 4> sequence(unsigned start, unsigned size) {
        llvm::SmallVector<int, 4> mask;
        for (unsigned i = 0; i < size; ++i)
            mask.push_back(static_cast<int>(start + i));
        return mask;
    }

    int64_t constant() { return b_.block().constants_of(operation_)[0]; }

    llvm::Value* place(unsigned input) { return b_.place(b_.block().inputs(operation_)[input], constant()); }

    bool store() {
        // Of vectors, the state's are aligned to 16 bytes and its MMX registers to 8.
        b_.mark(ir_.CreateAlignedStore(lanes(0, 64), place(1), llvm::Align(8)));
        return true;
    }

    llvm::Value* splat(llvm::Value* scalar) {
        return ir_.CreateVectorSplat(count_, ir_.CreateZExtOrTrunc(scalar, b_.integer(element_bits_)));
    }

    llvm::Value* moved() {
        switch (operation_.opcode) {
            case Opcode::mov:
                return lanes(0, 64);
            case Opcode::ld:
                return b_.mark(ir_.CreateAlignedLoad(vector(64), place(0), llvm::Align(8)));
            case Opcode::dup:
                return splat(b_.input(operation_, 0));
            case Opcode::dup2: {
                llvm::Value* low = ir_.CreateZExt(b_.input(operation_, 0), ir_.getInt64Ty());
                llvm::Value* high =
                    ir_.CreateShl(ir_.CreateZExt(b_.input(operation_, 1), ir_.getInt64Ty()), 32);
                return ir_.CreateVectorSplat(tcg::width(operation_.type) / 64, ir_.CreateOr(low, high));
            }
            case Opcode::dupm:
                return splat(
                    b_.mark(ir_.CreateAlignedLoad(b_.integer(element_bits_), place(0), llvm::Align(1))));
            default:
                return nullptr;
        }
    }

    llvm::Value* computed() {
        switch (operation_.opcode) {
            case Opcode::add:
                return ir_.CreateAdd(in(0), in(1));
            case Opcode::sub:
                return ir_.CreateSub(in(0), in(1));
            case Opcode::mul:
                return ir_.CreateMul(in(0), in(1));
            case Opcode::neg:
                return ir_.CreateNeg(in(0));
            case Opcode::abs: {
                llvm::Value* value = in(0);
                return ir_.CreateIntrinsic(llvm::Intrinsic::abs, {value->getType()}, {value, ir_.getFalse()});
            }
            default:
                return nullptr;
        }
    }

    llvm::Value* binary(llvm::Intrinsic::ID intrinsic) {
        llvm::Value* x = in(0);
        return ir_.CreateIntrinsic(intrinsic, {x->getType()}, {x, in(1)});
    }

    llvm::Value* saturated() {
        switch (operation_.opcode) {
            case Opcode::ssadd:
                return binary(llvm::Intrinsic::sadd_sat);
            case Opcode::usadd:
                return binary(llvm::Intrinsic::uadd_sat);
            case Opcode::sssub:
                return binary(llvm::Intrinsic::ssub_sat);
            case Opcode::ussub:
                return binary(llvm::Intrinsic::usub_sat);
            case Opcode::smin:
                return binary(llvm::Intrinsic::smin);
            case Opcode::umin:
                return binary(llvm::Intrinsic::umin);
            case Opcode::smax:
                return binary(llvm::Intrinsic::smax);
            case Opcode::umax:
                return binary(llvm::Intrinsic::umax);
            default:
                return nullptr;
        }
    }

    llvm::Value* logical() {
        switch (operation_.opcode) {
            case Opcode::and_:
                return ir_.CreateAnd(in(0), in(1));
            case Opcode::or_:
                return ir_.CreateOr(in(0), in(1));
            case Opcode::xor_:
                return ir_.CreateXor(in(0), in(1));
            case Opcode::andc:
                return ir_.CreateAnd(in(0), ir_.CreateNot(in(1)));
            case Opcode::orc:
                return ir_.CreateOr(in(0), ir_.CreateNot(in(1)));
            case Opcode::nand:
                return ir_.CreateNot(ir_.CreateAnd(in(0), in(1)));
            case Opcode::nor:
                return ir_.CreateNot(ir_.CreateOr(in(0), in(1)));
            case Opcode::eqv:
                return ir_.CreateNot(ir_.CreateXor(in(0), in(1)));
            case Opcode::not_:
                return ir_.CreateNot(in(0));
            case Opcode::bitsel: {
                llvm::Value* mask = in(0);
                return ir_.CreateOr(ir_.CreateAnd(mask, in(1)), ir_.CreateAnd(ir_.CreateNot(mask), in(2)));
            }
            default:
                return nullptr;
        }
    }

    // --- Shifts: by a constant, by a scalar, or each lane by its own; counts of the width and more are undefined ---

    llvm::Value* by_constant() {
        return llvm::ConstantInt::get(vector(element_bits_), static_cast<uint64_t>(constant()));
    }
    llvm::Value* by_scalar() { return masked(splat(b_.input(operation_, 1))); }
    llvm::Value* by_lane(unsigned input = 1) { return masked(in(input)); }
    llvm::Value* masked(llvm::Value* value) {
        return ir_.CreateAnd(value, llvm::ConstantInt::get(value->getType(), element_bits_ - 1));
    }
    llvm::Value* rotated(llvm::Intrinsic::ID intrinsic, llvm::Value* high, llvm::Value* low,
                         llvm::Value* by) {
        return ir_.CreateIntrinsic(intrinsic, {high->getType()}, {high, low, by});
    }

    llvm::Value* shifted() {
        switch (operation_.opcode) {
            case Opcode::shli:
                return ir_.CreateShl(in(0), by_constant());
            case Opcode::shri:
                return ir_.CreateLShr(in(0), by_constant());
            case Opcode::sari:
                return ir_.CreateAShr(in(0), by_constant());
            case Opcode::rotli:
                return rotated(llvm::Intrinsic::fshl, in(0), in(0), by_constant());
            case Opcode::shls:
                return ir_.CreateShl(in(0), by_scalar());
            case Opcode::shrs:
                return ir_.CreateLShr(in(0), by_scalar());
            case Opcode::sars:
                return ir_.CreateAShr(in(0), by_scalar());
            case Opcode::rotls:
                return rotated(llvm::Intrinsic::fshl, in(0), in(0), by_scalar());
            case Opcode::shlv:
                return ir_.CreateShl(in(0), by_lane());
            case Opcode::shrv:
                return ir_.CreateLShr(in(0), by_lane());
            case Opcode::sarv:
                return ir_.CreateAShr(in(0), by_lane());
            case Opcode::rotlv:
                return rotated(llvm::Intrinsic::fshl, in(0), in(0), by_lane());
            case Opcode::rotrv:
                return rotated(llvm::Intrinsic::fshr, in(0), in(0), by_lane());
            default:
                return nullptr;
        }
    }

    llvm::Value* selected() {
        if (operation_.opcode != Opcode::cmp && operation_.opcode != Opcode::cmpsel)
            return nullptr;
        llvm::Value* bits = b_.compare(b_.block().condition(operation_), in(0), in(1));
        return operation_.opcode == Opcode::cmp ? ir_.CreateSExt(bits, vector(element_bits_))
                                                : ir_.CreateSelect(bits, in(2), in(3));
    }

    // --- Of x86 hosts, each 128 bits for themselves ---

    template <typename Choose>
    llvm::Value* shuffled(unsigned bits, const Choose& choose) {
        const auto count = static_cast<int>(tcg::width(operation_.type) / bits);
        const auto in_part = std::min(count, static_cast<int>(128 / bits));
        llvm::SmallVector<int, 32> mask;
        for (int i = 0; i < count; ++i) {
            const auto [second, lane] = choose(i % in_part, in_part);
            mask.push_back(i / in_part * in_part + lane + (second ? count : 0));
        }
        return ir_.CreateShuffleVector(lanes(0, bits), lanes(1, bits), mask);
    }

    llvm::Value* packed(bool is_signed) {
        llvm::SmallVector<llvm::Value*, 2> halves;
        const unsigned wide = 2 * element_bits_;
        for (unsigned i = 0; i < 2; ++i) {
            llvm::Value* value = lanes(i, wide);
            const auto bound = [&](const llvm::APInt& number) {
                return llvm::ConstantInt::get(value->getType(), number);
            };
            const llvm::APInt low =
                is_signed ? llvm::APInt::getSignedMinValue(element_bits_).sext(wide) : llvm::APInt(wide, 0);
            const llvm::APInt high = is_signed ? llvm::APInt::getSignedMaxValue(element_bits_).sext(wide)
                                               : llvm::APInt::getMaxValue(element_bits_).zext(wide);
            llvm::Value* bounded =
                ir_.CreateIntrinsic(llvm::Intrinsic::smax, {value->getType()}, {value, bound(low)});
            bounded = ir_.CreateIntrinsic(llvm::Intrinsic::smin, {value->getType()}, {bounded, bound(high)});
            halves.push_back(
                ir_.CreateTrunc(bounded, llvm::FixedVectorType::get(b_.integer(element_bits_), count_ / 2)));
        }
        // Of each 128 bits, those of the first input, then those of the second.
        const unsigned part = std::min(count_ / 2, 64 / element_bits_);
        llvm::SmallVector<int, 32> mask;
        for (unsigned start = 0; start < count_ / 2; start += part) {
            for (unsigned second = 0; second < 2; ++second) {
                for (unsigned i = 0; i < part; ++i)
                    mask.push_back(static_cast<int>(second * count_ / 2 + start + i));
            }
        }
        return ir_.CreateShuffleVector(halves[0], halves[1], mask);
    }

    // Bytes of each 128 bits, moved down.
    llvm::Value* bytes_shifted() {
        auto* whole = llvm::FixedVectorType::get(b_.integer(128), tcg::width(operation_.type) / 128);
        const auto bits = 8 * static_cast<uint64_t>(constant());
        if (bits >= 128)
            return llvm::Constant::getNullValue(whole);
        return ir_.CreateLShr(ir_.CreateBitCast(lanes(0, 64), whole), llvm::ConstantInt::get(whole, bits));
    }

    llvm::Value* halves_chosen() {
        llvm::SmallVector<llvm::Value*, 2> chosen;
        for (unsigned half = 0; half < 2; ++half) {
            const auto control = static_cast<unsigned>(constant()) >> (4 * half);
            llvm::Value* part =
                ir_.CreateShuffleVector(lanes(control >> 1 & 1, 64), sequence(2 * (control & 1), 2));
            chosen.push_back((control & 8) != 0 ? llvm::Constant::getNullValue(part->getType()) : part);
        }
        return ir_.CreateShuffleVector(chosen[0], chosen[1], sequence(0, 4));
    }

    llvm::Value* of_x86() {
        using Lane = std::pair<bool, int>;  // of the second input?
        const bool whole = tcg::width(operation_.type) >= 128;
        const auto control = operation_.constants == 0 ? 0 : static_cast<int>(constant());
        switch (operation_.opcode) {
            case Opcode::x86_shufps:
                if (!whole)
                    return nullptr;
                return shuffled(32, [&](int i, int) { return Lane(i >= 2, control >> (2 * i) & 3); });
            case Opcode::x86_blend:
                // The control's bits repeat for each 128 bits of words, and go on for doublewords.
                if (element_bits_ != 16 && element_bits_ != 32)
                    return nullptr;
                return blended(static_cast<unsigned>(control));
            case Opcode::x86_punpckl:
                return shuffled(element_bits_, [](int i, int) { return Lane(i % 2 == 1, i / 2); });
            case Opcode::x86_punpckh:
                return shuffled(element_bits_, [](int i, int n) { return Lane(i % 2 == 1, n / 2 + i / 2); });
            case Opcode::x86_packss:
            case Opcode::x86_packus:
                return element_bits_ <= 16 ? packed(operation_.opcode == Opcode::x86_packss) : nullptr;
            case Opcode::x86_psrldq:
                return whole ? bytes_shifted() : nullptr;
            case Opcode::x86_vperm2i128:
                return tcg::width(operation_.type) == 256 ? halves_chosen() : nullptr;
            case Opcode::x86_vpshldi:
                return rotated(llvm::Intrinsic::fshl, in(0), in(1), by_constant());
            case Opcode::x86_vpshldv:
                return rotated(llvm::Intrinsic::fshl, in(0), in(1), by_lane(2));
            case Opcode::x86_vpshrdv:
                return rotated(llvm::Intrinsic::fshr, in(1), in(0), by_lane(2));
            default:
                return nullptr;
        }
    }

    llvm::Value* blended(unsigned control) {
        llvm::SmallVector<int, 16> mask;
        for (unsigned i = 0; i < count_; ++i)
            mask.push_back(static_cast<int>(i + ((control >> (i % 8) & 1) != 0 ? count_ : 0)));
        return ir_.CreateShuffleVector(in(0), in(1), mask);
    }

    BlockBuilder& b_;
    llvm::IRBuilder<>& ir_;
    const tcg::Operation& operation_;
    unsigned element_bits_;
    unsigned count_;
};

}  // namespace

bool lift_vector(BlockBuilder& builder, const tcg::Operation& operation) {
    return Lanes(builder, operation).lift();
}

}  // namespace panda::lift
