// Loads and stores: of the processor's state, and of the guest's memory.
#include <algorithm>
#include <cstring>

#include "analyzers/taint/block_run.h"

namespace panda::taint {

using trace::tcg::Opcode;
using trace::tcg::Type;

namespace {

struct Width {
    unsigned bytes;
    bool is_signed;
};
// What an access to the state moves; 0 bytes: all of the operation's type.
Width state_width(Opcode opcode) {
    switch (opcode) {
        case Opcode::ld8u:
        case Opcode::ld8s:
        case Opcode::st8:
            return {1, opcode == Opcode::ld8s};
        case Opcode::ld16u:
        case Opcode::ld16s:
        case Opcode::st16:
            return {2, opcode == Opcode::ld16s};
        case Opcode::ld32u:
        case Opcode::ld32s:
        case Opcode::st32:
            return {4, opcode == Opcode::ld32s};
        default:
            return {0, false};
    }
}

std::optional<uint64_t> extended_value(std::optional<uint64_t> value, unsigned bytes, bool is_signed) {
    if (!value || bytes >= 8)
        return value;
    const unsigned unused = 64 - 8 * bytes;
    return is_signed ? static_cast<uint64_t>(static_cast<int64_t>(*value << unused) >> unused)
                     : *value << unused >> unused;
}

uint64_t swapped_value(uint64_t value, unsigned bytes) {
    return __builtin_bswap64(value) >> (64 - 8 * bytes);
}

}  // namespace

void BlockRun::state_access(const Operation& operation) {
    const bool store = operation.opcode >= Opcode::st8 && operation.opcode <= Opcode::st;
    const auto inputs = code_->code.inputs(operation);
    const auto place = pointers_.offset(inputs[store ? 1 : 0], code_->code.constants_of(operation)[0]);
    const Width width = state_width(operation.opcode);
    const unsigned whole = trace::tcg::width(operation.type) / 8;
    const unsigned bytes = operation.opcode == Opcode::dupm ? 1u << operation.element
                           : width.bytes != 0               ? width.bytes
                                                            : whole;
    const StateRange range{place.value_or(-1), bytes};
    if (!ShadowState::inside(range)) {
        // QEMU's own counters lie outside of the state; they have no taint.
        if (!store)
            set_clean(code_->code.outputs(operation)[0], std::nullopt);
        return;
    }
    if (store) {
        const auto taint = this->bytes(inputs[0]);
        for (unsigned i = 0; i < bytes; ++i)
            set_state(range.offset + i, taint[i]);
        const Operand value = get(inputs[0]);
        set_state_value(range, value.known && bytes <= 8, value.value);
        if (engine_.follows_instructions_)
            touch(tag_of_inputs(operation), false);
        return;
    }
    std::array<ByteTaint, widest> taint{};
    for (unsigned i = 0; i < bytes; ++i)
        taint[i] = state_.get(range.offset + i);
    if (engine_.follows_instructions_)
        touch(tag_of_state(range), false);
    const uint16_t to = code_->code.outputs(operation)[0];
    if (operation.opcode == Opcode::dupm) {
        for (unsigned i = bytes; i < whole; ++i)
            taint[i] = taint[i - bytes];
        return set_bytes(to, taint);
    }
    if (whole > 8)
        return set_bytes(to, taint);
    const Bits bits = load_bits(taint.data(), bytes);
    set(to, bytes < whole ? rules_.extended(bits, 8 * bytes, width.is_signed, whole) : bits,
        extended_value(state_.value(range), bytes, width.is_signed));
}

// --- The guest's memory ---

// The value of so many bytes that a load gets: memory as it was before the piece, and what the piece has stored since.
std::optional<uint64_t> BlockRun::loaded_value(const Reach& reach, unsigned bytes) const {
    if (reach.flat == Reach::nowhere || (reach.first_bytes < bytes && reach.second_flat == Reach::nowhere) ||
        bytes > 8)
        return std::nullopt;
    uint64_t value = 0;
    const unsigned first = std::min(bytes, reach.first_bytes);
    std::memcpy(&value, &engine_.guest_[reach.flat], first);
    for (unsigned i = first; i < bytes; ++i)
        value |= std::to_integer<uint64_t>(engine_.guest_[reach.place(i)]) << (8 * i);
    for (const Stored& stored : stored_) {
        for (unsigned i = 0; i < bytes; ++i)
            if (stored.flat == reach.place(i))
                value = (value & ~(uint64_t{0xff} << (8 * i))) | std::to_integer<uint64_t>(stored.value)
                                                                     << (8 * i);
    }
    return value;
}

// Whether nothing is tainted in the pages to which an access leads.
bool BlockRun::leads_to_clean(const Reach& reach) const {
    const ShadowMemory& memory = engine_.memory_;
    return (reach.flat == Reach::nowhere || !memory.page_any(reach.flat)) &&
           (reach.second_flat == Reach::nowhere || !memory.page_any(reach.second_flat));
}

// The labels that an access gets from its address.
Tag BlockRun::pointer_tag(const Operation& operation, const Reach& reach) {
    const uint16_t address = code_->code.inputs(operation).back();
    if (!is_tainted(address))
        return clean;
    const Tag tag = rules_.all(get(address).bits);
    touch(tag, false);
    if (engine_.listener_ != nullptr)
        engine_.listener_->on_pointer({piece_->instr + instruction_, piece_->block, instruction_},
                                      *reach.access, tag);
    const PointerPolicy policy = engine_.options_.pointers;
    const bool wanted = policy == PointerPolicy::all ||
                        (policy == PointerPolicy::loads && operation.opcode == Opcode::qemu_ld);
    return wanted ? rules_.tags().computed(tag) : clean;
}

void BlockRun::guest_access(const Operation& operation, uint32_t number) {
    const Reach reach = *matched_[number];
    if (operation.opcode == Opcode::qemu_ld)
        guest_load(operation, reach);
    else
        guest_store(operation, reach);
    const uint64_t place = reach.access->address;
    matched_[number] = nullptr;  // it ran once
    // The address is what the trace has.
    const uint16_t address = code_->code.inputs(operation).back();
    const auto& temporary = code_->code.temporaries[address];
    if (temporary.kind != trace::tcg::TempKind::constant && temporary.kind != trace::tcg::TempKind::global &&
        size_of(address) == 8) {
        contents_[address].known = true;
        contents_[address].value = place;
    }
}

void BlockRun::guest_load(const Operation& operation, const Reach& reach) {
    const trace::tcg::MemoryAccess access = code_->code.access(operation);
    const unsigned bytes = access.size();
    const Tag pointer = pointer_tag(operation, reach);
    if (pointer == clean && operation.type != Type::i128 && leads_to_clean(reach)) {
        std::optional<uint64_t> value = loaded_value(reach, bytes);
        if (value && access.swaps())
            value = swapped_value(*value, bytes);
        return set_clean(code_->code.outputs(operation)[0], extended_value(value, bytes, access.is_signed()));
    }
    std::array<ByteTaint, 16> taint{};
    Tag loaded = clean;
    for (unsigned i = 0; i < bytes; ++i) {
        const uint64_t flat = reach.place(i);
        const unsigned to = access.swaps() ? bytes - 1 - i : i;
        taint[to] = flat == Reach::nowhere ? 0 : engine_.memory_.get(flat);
        if (pointer != clean)
            taint[to] = united(taint[to], byte_taint(pointer, 0xff));
        if (engine_.follows_instructions_)
            loaded = rules_.tags().unite(loaded, taint::tag_of(taint[to]));
    }
    touch(loaded, false);
    if (operation.type == Type::i128) {
        for (unsigned half = 0; half < 2; ++half)
            output(operation, half, load_bits(taint.data() + size_t{8} * half, 8), std::nullopt);
        return;
    }
    const unsigned size = trace::tcg::width(operation.type) / 8;
    const Bits bits = load_bits(taint.data(), bytes);
    std::optional<uint64_t> value = loaded_value(reach, bytes);
    if (value && access.swaps())
        value = swapped_value(*value, bytes);
    output(operation, 0, bytes < size ? rules_.extended(bits, 8 * bytes, access.is_signed(), size) : bits,
           extended_value(value, bytes, access.is_signed()));
}

void BlockRun::guest_store(const Operation& operation, const Reach& reach) {
    const trace::tcg::MemoryAccess access = code_->code.access(operation);
    const unsigned bytes = access.size();
    const Tag pointer = pointer_tag(operation, reach);
    std::array<ByteTaint, 16> taint{};
    if (operation.type == Type::i128) {
        for (unsigned half = 0; half < 2; ++half) {
            const auto value = this->bytes(code_->code.inputs(operation)[half]);
            std::copy_n(value.begin(), 8, taint.begin() + 8 * half);
        }
    } else {
        const auto value = this->bytes(code_->code.inputs(operation)[0]);
        std::copy_n(value.begin(), std::min<size_t>(bytes, 8), taint.begin());
    }
    Tag stored = clean;
    for (unsigned i = 0; i < bytes; ++i) {
        ByteTaint byte = taint[access.swaps() ? bytes - 1 - i : i];
        if (pointer != clean)
            byte = united(byte, byte_taint(pointer, 0xff));
        const uint64_t flat = reach.place(i);
        set_memory(flat, byte);
        if (engine_.follows_instructions_)
            stored = rules_.tags().unite(stored, taint::tag_of(byte));
        // The trace has what was stored, as memory gets it.
        const uint64_t half = i < 8 ? reach.access->value : reach.access->value_high;
        if (flat != Reach::nowhere)
            stored_.push_back({flat, static_cast<std::byte>(half >> (i % 8 * 8) & 0xff)});
    }
    touch(stored, false);
}

}  // namespace panda::taint
