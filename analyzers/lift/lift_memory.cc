// Loads and stores, of the processor's state and of the guest's memory.
#include "analyzers/lift/block_builder.h"

namespace panda::lift {

using tcg::Opcode;

namespace {

void load_state(BlockBuilder& b, const tcg::Operation& operation, unsigned bits, bool is_signed) {
    const int64_t offset = b.block().constants_of(operation)[0];
    llvm::Value* place = b.place(b.block().inputs(operation)[0], offset);
    llvm::Value* value = b.mark(b.ir().CreateAlignedLoad(b.integer(bits), place, llvm::Align(1)));
    llvm::Type* type = b.type_of(operation.type);
    b.output(operation, is_signed ? b.ir().CreateSExt(value, type) : b.ir().CreateZExt(value, type));
}

void store_state(BlockBuilder& b, const tcg::Operation& operation, unsigned bits) {
    const int64_t offset = b.block().constants_of(operation)[0];
    llvm::Value* place = b.place(b.block().inputs(operation)[1], offset);
    llvm::Value* value = b.ir().CreateTrunc(b.input(operation, 0), b.integer(bits));
    b.mark(b.ir().CreateAlignedStore(value, place, llvm::Align(1)));
}

llvm::FunctionCallee door(BlockBuilder& b, const char* name, bool returns, std::vector<llvm::Type*> types) {
    llvm::Type* result = returns ? b.ir().getInt64Ty() : b.ir().getVoidTy();
    types.insert(types.begin(), b.ir().getPtrTy());
    return b.module().getOrInsertFunction(name, llvm::FunctionType::get(result, types, false));
}

void load_guest(BlockBuilder& b, const tcg::Operation& operation) {
    const tcg::MemoryAccess access = b.block().access(operation);
    const auto load = door(b, "lift_load", true, {b.ir().getInt64Ty(), b.ir().getInt32Ty()});
    auto* whole = b.ir().CreateCall(load, {b.state(), b.input(operation, 0), b.ir().getInt32(access.packed)});
    b.mark(whole);
    llvm::Value* value = b.ir().CreateTrunc(whole, b.integer(8 * access.size()));
    if (access.swaps() && access.size() > 1)
        value = b.ir().CreateUnaryIntrinsic(llvm::Intrinsic::bswap, value);
    llvm::Type* type = b.type_of(operation.type);
    b.output(operation, access.is_signed() ? b.ir().CreateSExt(value, type) : b.ir().CreateZExt(value, type));
}

void store_guest(BlockBuilder& b, const tcg::Operation& operation) {
    const tcg::MemoryAccess access = b.block().access(operation);
    llvm::Value* value = b.ir().CreateTrunc(b.input(operation, 0), b.integer(8 * access.size()));
    if (access.swaps() && access.size() > 1)
        value = b.ir().CreateUnaryIntrinsic(llvm::Intrinsic::bswap, value);
    const auto store =
        door(b, "lift_store", false, {b.ir().getInt64Ty(), b.ir().getInt64Ty(), b.ir().getInt32Ty()});
    b.mark(b.ir().CreateCall(store,
                             {b.state(), b.input(operation, 1), b.ir().CreateZExt(value, b.ir().getInt64Ty()),
                              b.ir().getInt32(access.packed)}));
}

// 16 bytes are two values of 8, the low one first. Swapped, each is swapped and they change places.
void load_wide(BlockBuilder& b, const tcg::Operation& operation) {
    const tcg::MemoryAccess access = b.block().access(operation);
    auto& ir = b.ir();
    llvm::BasicBlock& entry = ir.GetInsertBlock()->getParent()->getEntryBlock();
    llvm::IRBuilder<> at_entry(&entry, entry.begin());
    auto* buffer = at_entry.CreateAlloca(llvm::ArrayType::get(ir.getInt64Ty(), 2));
    const auto load = door(b, "lift_load_wide", false, {ir.getInt64Ty(), ir.getInt32Ty(), ir.getPtrTy()});
    b.mark(ir.CreateCall(load, {b.state(), b.input(operation, 0), ir.getInt32(access.packed), buffer}));
    for (unsigned i = 0; i < 2; ++i) {
        llvm::Value* half = ir.CreateLoad(
            ir.getInt64Ty(), ir.CreateConstGEP1_64(ir.getInt64Ty(), buffer, access.swaps() ? 1 - i : i));
        b.output(operation, i, access.swaps() ? ir.CreateUnaryIntrinsic(llvm::Intrinsic::bswap, half) : half);
    }
}

void store_wide(BlockBuilder& b, const tcg::Operation& operation) {
    const tcg::MemoryAccess access = b.block().access(operation);
    auto& ir = b.ir();
    llvm::Value* low = b.input(operation, 0);
    llvm::Value* high = b.input(operation, 1);
    if (access.swaps()) {
        std::swap(low, high);
        low = ir.CreateUnaryIntrinsic(llvm::Intrinsic::bswap, low);
        high = ir.CreateUnaryIntrinsic(llvm::Intrinsic::bswap, high);
    }
    const auto store = door(b, "lift_store_wide", false,
                            {ir.getInt64Ty(), ir.getInt64Ty(), ir.getInt64Ty(), ir.getInt32Ty()});
    b.mark(ir.CreateCall(store, {b.state(), b.input(operation, 2), low, high, ir.getInt32(access.packed)}));
}

}  // namespace

bool lift_memory(BlockBuilder& b, const tcg::Operation& operation) {
    if (tcg::is_vector(operation.type))
        return false;
    const unsigned width = tcg::width(operation.type);
    switch (operation.opcode) {
        case Opcode::ld8u:
        case Opcode::ld8s:
            load_state(b, operation, 8, operation.opcode == Opcode::ld8s);
            return true;
        case Opcode::ld16u:
        case Opcode::ld16s:
            load_state(b, operation, 16, operation.opcode == Opcode::ld16s);
            return true;
        case Opcode::ld32u:
        case Opcode::ld32s:
            load_state(b, operation, 32, operation.opcode == Opcode::ld32s);
            return true;
        case Opcode::ld:
            load_state(b, operation, width, false);
            return true;
        case Opcode::st8:
            store_state(b, operation, 8);
            return true;
        case Opcode::st16:
            store_state(b, operation, 16);
            return true;
        case Opcode::st32:
            store_state(b, operation, 32);
            return true;
        case Opcode::st:
            store_state(b, operation, width);
            return true;
        case Opcode::qemu_ld:
            operation.type == tcg::Type::i128 ? load_wide(b, operation) : load_guest(b, operation);
            return true;
        case Opcode::qemu_st:
            operation.type == tcg::Type::i128 ? store_wide(b, operation) : store_guest(b, operation);
            return true;
        case Opcode::qemu_st8:
            store_guest(b, operation);
            return true;
        default:
            return false;
    }
}

}  // namespace panda::lift
