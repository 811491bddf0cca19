// Calls of QEMU's helpers, by their plans (helper_plans.h).
#include <algorithm>

#include "analyzers/taint/block_run.h"

namespace panda::taint {

using trace::AccessKind;
using trace::tcg::Call;
using trace::tcg::CallType;

namespace {

using Kind = HelperPlan::Kind;

// CF, PF, AF, ZF, SF, OF.
constexpr uint64_t flag_bits = 0x8d5;

// Where fxsave puts the registers (Intel SDM volume 1, table 10-2).
constexpr uint64_t x87_begin = 32;
constexpr uint64_t xmm_begin = 160;
constexpr uint64_t xmm_end = 416;

// The shadow of the x87 register at this place of the area, which has them from the top on.
constexpr int64_t x87_place(uint64_t at) {
    return ShadowState::x87.offset + static_cast<int64_t>((at - x87_begin) / 16);
}

}  // namespace

// The accesses of helpers in the current instruction.
std::span<const Reach> BlockRun::helper_reaches() const {
    const auto first = std::ranges::find_if(
        helpers_, [this](const Reach& reach) { return reach.access->instruction == instruction_; });
    const auto last = std::find_if(first, helpers_.end(), [this](const Reach& reach) {
        return reach.access->instruction != instruction_;
    });
    return {first, last};
}

void BlockRun::return_tag(const Operation& operation, Tag tag) {
    for (const uint16_t output : code_->code.outputs(operation))
        set(output, rules_.mix(tag, std::min(size_of(output), 8u)), std::nullopt);
}

bool BlockRun::call(const Operation& operation) {
    const Call& call = code_->code.call(operation);
    const HelperPlan& plan = *code_->plans[operation.first_constant];
    switch (plan.kind) {
        case Kind::nothing:
            return_tag(operation, clean);
            for (const StateRange& range : plan.writes) {
                for (uint32_t i = 0; i < range.size; ++i)
                    set_state(range.offset + i, 0);
                state_.forget_value(range);
            }
            break;
        case Kind::flags: {
            const Tag tag = tag_of_inputs(operation);
            touch(tag, true);
            // cc_compute_nz returns a number that is 0 or not, cc_compute_c the carry.
            const uint64_t mask = call.name == "cc_compute_all" ? flag_bits
                                  : call.name == "cc_compute_c" ? 1
                                                                : ~uint64_t{0};
            for (const uint16_t to : code_->code.outputs(operation))
                set(to, rules_.mix(tag, std::min(size_of(to), 8u), mask), std::nullopt);
            break;
        }
        case Kind::mixing:
            mixing_call(operation, plan);
            break;
        case Kind::x87:
            x87_call(operation);
            break;
        case Kind::operands:
            operands_call(operation, plan);
            break;
        case Kind::interrupt_return:
            interrupt_return();
            break;
        case Kind::save_vectors:
            save_vectors(operation);
            break;
        case Kind::restore_vectors:
            restore_vectors(operation);
            break;
        case Kind::unknown:
            unknown_call(operation);
            break;
    }
    state_.forget_values(plan.write_classes);
    if ((call.flags & (Call::writes_no_globals | Call::reads_no_globals)) == 0)
        state_.forget_values(all_classes);
    state_.settle();
    return (call.flags & Call::no_return) == 0;
}

Tag BlockRun::with_loads(Tag tag, std::span<const Reach> reaches) const {
    for (const Reach& reach : reaches)
        for (uint32_t i = 0; !reach.access->is_store() && i < reach.access->size; ++i)
            if (const uint64_t flat = reach.place(i); flat != Reach::nowhere)
                tag = rules_.tags().unite(tag, taint::tag_of(engine_.memory_.get(flat)));
    return tag;
}

void BlockRun::set_stores(std::span<const Reach> reaches, ByteTaint byte) {
    for (const Reach& reach : reaches)
        for (uint32_t i = 0; reach.access->is_store() && i < reach.access->size; ++i)
            set_memory(reach.place(i), byte);
}

void BlockRun::mixing_call(const Operation& operation, const HelperPlan& plan) {
    Tags& tags = rules_.tags();
    Tag tag = tag_of_inputs(operation);
    for (const StateRange& range : plan.reads)
        tag = tags.unite(tag, tag_of_state(range));
    const auto reaches = plan.memory ? helper_reaches() : std::span<const Reach>();
    tag = with_loads(tag, reaches);
    touch(tag, true);
    const ByteTaint byte = byte_taint(tags.computed(tag), 0xff);
    return_tag(operation, tag);
    for (const StateRange& range : plan.writes)
        for (uint32_t i = 0; i < range.size; ++i)
            set_state(range.offset + i, plan.keeps ? united(state_.get(range.offset + i), byte) : byte);
    set_stores(reaches, byte);
}

// It may have read and written anything. Where nothing within its reach is tainted, nothing becomes so.
void BlockRun::unknown_call(const Operation& operation) {
    Tags& tags = rules_.tags();
    Tag tag = tag_of_inputs(operation);
    state_.for_each([&](int64_t, ByteTaint taint) { tag = tags.unite(tag, taint::tag_of(taint)); });
    const auto reaches = helper_reaches();
    tag = with_loads(tag, reaches);
    touch(tag, true);
    const ByteTaint byte = byte_taint(tags.computed(tag), 0xff);
    return_tag(operation, tag);
    set_stores(reaches, byte);
    if (tag == clean)
        return;
    ++engine_.unknown_helpers_[code_->code.call(operation).name];
    for (int64_t offset = 0; offset < ShadowState::whole_size; ++offset)
        state_.set(offset, united(state_.get(offset), byte));
}

// The frame: instruction pointer, cs, flags, stack pointer, ss, each at its place behind the first load.
void BlockRun::interrupt_return() {
    const auto reaches = helper_reaches();
    const auto first =
        std::ranges::find_if(reaches, [](const Reach& reach) { return !reach.access->is_store(); });
    const auto put = [this](const char* name, const char* narrow, Tag tag) {
        auto range = state_.find(name);
        if (!range)
            range = state_.find(narrow);
        for (uint32_t i = 0; range && i < range->size; ++i)
            set_state(range->offset + i, byte_taint(tag, 0xff));
    };
    for (const char* part : {"cc_op", "cc_dst", "cc_src", "cc_src2"})
        put(part, part, clean);
    if (first == reaches.end())
        return;
    const uint64_t slot = first->access->size;
    for (const Reach& reach : reaches) {
        const uint64_t distance = reach.access->address - first->access->address;
        if (reach.access->is_store() || reach.access->size != slot || distance % slot != 0 ||
            distance / slot > 4)
            continue;
        Tag tag = clean;
        for (uint32_t i = 0; i < reach.access->size; ++i)
            if (const uint64_t flat = reach.place(i); flat != Reach::nowhere)
                tag = rules_.tags().unite(tag, taint::tag_of(engine_.memory_.get(flat)));
        touch(tag, false);
        if (distance / slot == 0)
            put("rip", "eip", tag);
        else if (distance / slot == 2)
            put("cc_src", "cc_src", tag);
        else if (distance / slot == 3)
            put("rsp", "esp", tag);
    }
}

// --- fxsave and fxrstor ---

// Where the area of fxsave begins; each access of the helper is at a place of it.
uint64_t BlockRun::vector_area(const Operation& operation) const {
    const auto inputs = code_->code.inputs(operation);
    const Operand pointer = inputs.empty() ? Operand{} : get(inputs.back());
    const auto reaches = helper_reaches();
    constexpr uint64_t alignment = 16;
    return pointer.known     ? pointer.value
           : reaches.empty() ? 0
                             : reaches.front().access->address & ~(alignment - 1);
}

// Where the state has a byte of the area; nothing for what has no taint.
std::optional<int64_t> BlockRun::vector_place(uint64_t at) {
    if (at >= x87_begin && at < xmm_begin)
        return VectorLayout::x87_register(0) + static_cast<int64_t>(at - x87_begin);
    if (at >= xmm_begin && at < xmm_end)
        return VectorLayout::vector_register((at - xmm_begin) / 16) +
               static_cast<int64_t>((at - xmm_begin) % 16);
    return std::nullopt;
}

void BlockRun::save_vectors(const Operation& operation) {
    const uint64_t begin = vector_area(operation);
    for (const Reach& reach : helper_reaches()) {
        for (uint32_t i = 0; reach.access->is_store() && i < reach.access->size; ++i) {
            const uint64_t at = reach.access->address + i - begin;
            const auto place = vector_place(at);
            ByteTaint taint = place ? state_.get(*place) : 0;
            // MMX registers, which lie in the x87 stack, have bytes of their own.
            if (place && at < xmm_begin)
                taint = united(taint, state_.get(x87_place(at)));
            touch(taint::tag_of(taint), false);
            set_memory(reach.place(i), taint);
        }
    }
}

void BlockRun::restore_vectors(const Operation& operation) {
    const uint64_t begin = vector_area(operation);
    std::array<ByteTaint, 8> x87{};
    for (const Reach& reach : helper_reaches()) {
        for (uint32_t i = 0; !reach.access->is_store() && i < reach.access->size; ++i) {
            const uint64_t at = reach.access->address + i - begin;
            const uint64_t flat = reach.place(i);
            const ByteTaint taint = flat == Reach::nowhere ? 0 : engine_.memory_.get(flat);
            touch(taint::tag_of(taint), false);
            const auto place = vector_place(at);
            if (!place)
                continue;
            set_state(*place, taint);
            if (at < xmm_begin)
                x87[(at - x87_begin) / 16] = united(x87[(at - x87_begin) / 16], taint);
        }
    }
    for (size_t i = 0; i < x87.size(); ++i)
        set_state(ShadowState::x87.offset + static_cast<int64_t>(i), byte_taint(taint::tag_of(x87[i]), 0xff));
}

}  // namespace panda::taint
