// Helpers of x87 instructions. The shadow of the stack is kept relative to its top, which no operation tells: a push and a
// pop turn it. That is enough, because while any of it is tainted every block that touches it is interpreted, and while
// none is, turning it changes nothing.
#include <algorithm>
#include <string_view>

#include "analyzers/taint/block_run.h"

namespace panda::taint {
namespace {

constexpr unsigned registers = 8;
constexpr unsigned ft0 = registers;         // QEMU's register for second operands
constexpr unsigned status = registers + 1;  // the status word

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
    return std::ranges::find(names, name) != names.end();
}

}  // namespace

void BlockRun::x87_call(const Operation& operation) {
    const std::string_view name = code_->code.call(operation).name;
    Tags& tags = rules_.tags();
    std::array<Tag, status + 1> stack{};
    for (unsigned i = 0; i <= status; ++i)
        stack[i] = taint::tag_of(state_.get(ShadowState::x87.offset + i));
    const auto inputs = code_->code.inputs(operation);
    const Operand last = inputs.empty() ? Operand{} : get(inputs.back());
    const unsigned n = last.known ? static_cast<unsigned>(last.value % registers) : 0;
    const auto push = [&] { std::rotate(stack.begin(), stack.begin() + 7, stack.begin() + registers); };
    const auto pop = [&] { std::rotate(stack.begin(), stack.begin() + 1, stack.begin() + registers); };
    const auto united = [&](Tag a, Tag b) { return tags.computed(tags.unite(a, b)); };
    Tag given = tag_of_inputs(operation);
    Tag everything = given;
    for (const Reach& reach : helper_reaches())
        for (uint32_t i = 0; !reach.access->is_store() && i < reach.access->size; ++i)
            if (const uint64_t flat = reach.place(i); flat != Reach::nowhere)
                given = tags.unite(given, taint::tag_of(engine_.memory_.get(flat)));
    for (const Tag tag : stack)
        everything = tags.unite(everything, tag);
    everything = tags.unite(everything, given);
    touch(everything, true);
    Tag result = clean;  // what it returns, or stores to memory

    if (is_one_of(name, {"flds_ST0", "fldl_ST0", "fildl_ST0", "fildll_ST0", "fldt_ST0", "fbld_ST0"})) {
        push();
        stack[0] = given;
    } else if (is_one_of(name, {"fpush", "fdecstp"})) {
        push();
    } else if (is_one_of(name, {"fpop", "fincstp"})) {
        pop();
    } else if (is_one_of(name, {"flds_FT0", "fldl_FT0", "fildl_FT0"})) {
        stack[ft0] = given;
    } else if (name == "fldz_FT0") {
        stack[ft0] = clean;
    } else if (name == "fmov_FT0_STN") {
        stack[ft0] = stack[n];
    } else if (name == "fmov_ST0_FT0") {
        stack[0] = stack[ft0];
    } else if (name == "fmov_ST0_STN") {
        stack[0] = stack[n];
    } else if (name == "fmov_STN_ST0") {
        stack[n] = stack[0];
    } else if (name == "fxchg_ST0_STN") {
        std::swap(stack[0], stack[n]);
    } else if (name.ends_with("_ST0_FT0") && !name.starts_with("fcom") && !name.starts_with("fucom")) {
        stack[0] = united(stack[0], stack[ft0]);
    } else if (name.ends_with("_STN_ST0")) {
        stack[n] = united(stack[n], stack[0]);
    } else if (is_one_of(name, {"fcomi_ST0_FT0", "fucomi_ST0_FT0"})) {
        if (const auto flags = state_.find("cc_src"))
            for (uint32_t i = 0; i < flags->size; ++i)
                set_state(flags->offset + i, byte_taint(united(stack[0], stack[ft0]), 0xff));
    } else if (name.starts_with("fcom") || name.starts_with("fucom")) {
        stack[status] = united(stack[0], stack[ft0]);
    } else if (name == "fxam_ST0") {
        stack[status] = stack[0];
    } else if (name.starts_with("fld") && name.ends_with("_ST0")) {  // a constant
        stack[0] = clean;
    } else if (is_one_of(name, {"fyl2x", "fpatan", "fyl2xp1"})) {
        stack[1] = united(stack[0], stack[1]);
        pop();
    } else if (is_one_of(name, {"fptan", "fsincos", "fxtract"})) {
        push();
        stack[0] = name == "fptan" ? clean : stack[1];
    } else if (is_one_of(name, {"fprem", "fprem1", "fscale"})) {
        stack[0] = united(stack[0], stack[1]);
        stack[status] = stack[0];
    } else if (name == "fnstsw") {
        result = stack[status];
    } else if (name.starts_with("fst") && name != "fstenv") {
        result = stack[0];
    } else if (name.starts_with("fist") || name == "fbst_ST0") {
        result = tags.computed(stack[0]);
    } else if (name == "fninit") {
        stack.fill(clean);
    } else if (is_one_of(name, {"fstenv", "fsave", "fldenv", "frstor", "emms", "enter_mmx"})) {
        // These change the top, or move all of it at once.
        if (everything != clean)
            stack.fill(everything);
        result = everything;
    }  // others work on the top alone

    for (unsigned i = 0; i <= status; ++i)
        set_state(ShadowState::x87.offset + i, byte_taint(stack[i], 0xff));
    for (const uint16_t output : code_->code.outputs(operation)) {
        const unsigned size = std::min(size_of(output), 8u);
        set(output, rules_.mix(result, size, name == "fnstsw" ? 0xffff : ~uint64_t{0}), std::nullopt);
    }
    if (!is_one_of(name, {"fstt_ST0", "fbst_ST0", "fstenv", "fsave"}))
        return;  // the stores are of another helper of the same instruction
    for (const Reach& reach : helper_reaches())
        for (uint32_t i = 0; reach.access->is_store() && i < reach.access->size; ++i)
            set_memory(reach.place(i), byte_taint(result, 0xff));
}

}  // namespace panda::taint
