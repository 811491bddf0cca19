#include "analyzers/taint/helper_plans.h"

#include <algorithm>
#include <array>
#include <optional>

namespace panda::taint {
namespace {

using Kind = HelperPlan::Kind;
using Shape = HelperPlan::Shape;

template <typename Take>
void for_each_word(std::string_view text, const Take& take) {
    while (!text.empty()) {
        const size_t end = std::min(text.find(' '), text.size());
        if (end != 0)
            take(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

constexpr std::string_view flag_parts = "cc_op cc_dst cc_src cc_src2";

// The vector instructions whose shape is known: names without _mmx, _xmm and _ymm.
struct VectorPlan {
    std::string_view names;
    Shape shape;
    uint8_t element;
};
constexpr std::array vector_plans = {
    VectorPlan{"punpcklbw", Shape::unpack_low, 1},
    VectorPlan{"punpcklwd", Shape::unpack_low, 2},
    VectorPlan{"punpckldq", Shape::unpack_low, 4},
    VectorPlan{"punpcklqdq", Shape::unpack_low, 8},
    VectorPlan{"punpckhbw", Shape::unpack_high, 1},
    VectorPlan{"punpckhwd", Shape::unpack_high, 2},
    VectorPlan{"punpckhdq", Shape::unpack_high, 4},
    VectorPlan{"punpckhqdq", Shape::unpack_high, 8},
    VectorPlan{"packsswb packuswb", Shape::pack, 2},
    VectorPlan{"packssdw packusdw", Shape::pack, 4},
    VectorPlan{"psrldq", Shape::shift_bytes_right, 16},
    VectorPlan{"pslldq", Shape::shift_bytes_left, 16},
    VectorPlan{"psllw", Shape::shift_left, 2},
    VectorPlan{"pslld", Shape::shift_left, 4},
    VectorPlan{"psllq", Shape::shift_left, 8},
    VectorPlan{"psrlw", Shape::shift_right, 2},
    VectorPlan{"psrld", Shape::shift_right, 4},
    VectorPlan{"psrlq", Shape::shift_right, 8},
    VectorPlan{"psraw", Shape::shift_arithmetic, 2},
    VectorPlan{"psrad", Shape::shift_arithmetic, 4},
    VectorPlan{"pshufd", Shape::shuffle, 4},
    VectorPlan{"shufps", Shape::shuffle, 4},
    VectorPlan{"shufpd", Shape::shuffle_pairs, 8},
    VectorPlan{"pshuflw pshufw", Shape::shuffle_low, 2},
    VectorPlan{"pshufhw", Shape::shuffle_high, 2},
    VectorPlan{"palignr", Shape::align, 16},
    VectorPlan{"aesenc", Shape::aes_round, 16},
    VectorPlan{"aesenclast", Shape::aes_last, 16},
    VectorPlan{"pavgb", Shape::lanes, 1},
    VectorPlan{"pavgw pmulhuw pmulhw pmulhrsw", Shape::lanes, 2},
    VectorPlan{"pmaddwd addps subps mulps divps minps maxps sqrtps cvtdq2ps cvtps2dq cvttps2dq cmpeqps "
               "cmpltps cmpleps",
               Shape::lanes, 4},
    VectorPlan{"pmuludq pmuldq psadbw addpd subpd mulpd divpd minpd maxpd sqrtpd", Shape::lanes, 8},
    VectorPlan{"addss subss mulss divss minss maxss sqrtss", Shape::scalar, 4},
    VectorPlan{"addsd subsd mulsd divsd minsd maxsd sqrtsd", Shape::scalar, 8},
    VectorPlan{"cvtss2sd", Shape::scalar, 8},
    VectorPlan{"cvtsd2ss", Shape::scalar, 8},
    VectorPlan{"movmskps", Shape::signs, 4},
    VectorPlan{"movmskpd", Shape::signs, 8},
    VectorPlan{"cvtss2si cvttss2si cvtss2sq cvttss2sq", Shape::first_value, 4},
    VectorPlan{"cvtsd2si cvttsd2si cvtsd2sq cvttsd2sq", Shape::first_value, 8},
    VectorPlan{"cvtsi2ss cvtsq2ss", Shape::to_first, 4},
    VectorPlan{"cvtsi2sd cvtsq2sd", Shape::to_first, 8},
    VectorPlan{"ucomiss comiss", Shape::compare, 4},
    VectorPlan{"ucomisd comisd", Shape::compare, 8},
    VectorPlan{"ptest vtestps vtestpd", Shape::compare, 0},
};

bool has_word(std::string_view words, std::string_view word) {
    bool found = false;
    for_each_word(words, [&](std::string_view each) { found = found || each == word; });
    return found;
}

// How many bytes an operand has, by the name's ending; 16 for scalars, whose names have none.
struct Ending {
    std::string_view text;
    uint8_t bytes;
};
constexpr std::array endings = {Ending{"_mmx", 8}, Ending{"_xmm", 16}, Ending{"_ymm", 32}};

std::optional<HelperPlan> vector_plan(const trace::tcg::Call& call) {
    std::string_view name = call.name;
    HelperPlan plan;
    plan.kind = Kind::operands;
    plan.width = 16;
    bool ended = false;
    for (const Ending& ending : endings) {
        if (name.ends_with(ending.text)) {
            name.remove_suffix(ending.text.size());
            plan.width = ending.bytes;
            ended = true;
            break;
        }
    }
    for (const VectorPlan& vector : vector_plans) {
        if (has_word(vector.names, name)) {
            plan.shape = vector.shape;
            plan.element = vector.element == 0 ? plan.width : vector.element;
            return plan;
        }
    }
    // These write general registers and flags, or memory, beside their operands.
    if (name.starts_with("pcmp") && name.find("str") != std::string_view::npos)
        return std::nullopt;
    if (name == "maskmov" || name.starts_with("vpmaskmov") || name.starts_with("vpgather"))
        return std::nullopt;
    if (!ended && !name.starts_with("cmp") && !name.starts_with("fma4") && !name.starts_with("rcp") &&
        !name.starts_with("rsqrt") && !name.starts_with("round"))
        return std::nullopt;
    return plan;
}

}  // namespace

HelperPlans::HelperPlans(const ShadowState& state) : state_(state) {
    add("lookup_tb_ptr pause hlt mwait monitor raise_interrupt raise_exception icebp single_step "
        "rechecking_single_step clts set_dr flush_page check_io bpt_io svm_check_intercept svm_check_io "
        "cr4_testbit bndck bnd_jmp into boundw boundl outb outw outl inb inw inl get_dr read_cr8 xsetbv "
        "xgetbv wrpkru rdpkru fwait ldmxcsr update_mxcsr fclex fldcw fnstcw stgi clgi rdrand "
        "write_crN wrmsr rdpid verr_ verw_ panda_count panda_iteration",
        Kind::nothing, "", "");
    add("rdtsc", Kind::nothing, "", "rax rdx");
    add("rdmsr", Kind::nothing, "", "rax rdx");
    add("cpuid", Kind::nothing, "", "rax rbx rcx rdx");
    add("cc_compute_all cc_compute_c cc_compute_nz", Kind::flags, "", "");
    add("read_eflags", Kind::mixing, flag_parts, "");
    add("write_eflags", Kind::mixing, "", flag_parts);
    add("divb_AL idivb_AL divw_AX idivw_AX", Kind::mixing, "rax rdx", "rax rdx");
    add("divl_EAX idivl_EAX divq_EAX idivq_EAX", Kind::mixing, "rax rdx", "rax rdx");
    add("aam aad pdep pext crc32", Kind::mixing, "", "");
    add("aaa aas daa das", Kind::mixing, "rax cc_op cc_dst cc_src cc_src2",
        "rax cc_op cc_dst cc_src cc_src2");
    add("rclb rclw rcll rclq rcrb rcrw rcrl rcrq", Kind::mixing, "cc_src", "cc_src");
    add("syscall", Kind::mixing, flag_parts, "r11");
    add("sysret", Kind::mixing, "r11", flag_parts);
    add("sysenter", Kind::nothing, "", flag_parts);
    add("sysexit", Kind::nothing, "", "");
    add("lldt ltr ljmp_protected load_seg", Kind::nothing, "", "");
    add("lsl lar verr verw", Kind::mixing, flag_parts, flag_parts);
    add("lret_protected", Kind::mixing, "", "rip eip rsp esp");
    add("lcall_protected lcall_real", Kind::mixing, "rsp esp", "");
    add("cmpxchg8b", Kind::mixing, "rax rdx rbx rcx cc_op cc_dst cc_src cc_src2", "rax rdx cc_src");
    add("iret_protected iret_real", Kind::interrupt_return, "", "");
    if (state.has_vector_layout()) {
        add("fxsave", Kind::save_vectors, "", "");
        add("fxrstor", Kind::restore_vectors, "", "");
    }
    add("flds_FT0 fldl_FT0 fildl_FT0 flds_ST0 fldl_ST0 fildl_ST0 fildll_ST0 fldt_ST0 fbld_ST0 frstor fldenv "
        "fsts_ST0 fstl_ST0 fist_ST0 fistl_ST0 fistll_ST0 fistt_ST0 fisttl_ST0 fisttll_ST0 fstt_ST0 fbst_ST0 "
        "fnstsw fstenv fsave fpush fpop fdecstp fincstp ffree_STN fmov_ST0_FT0 fmov_FT0_STN fmov_ST0_STN "
        "fmov_STN_ST0 fxchg_ST0_STN fcom_ST0_FT0 fucom_ST0_FT0 fadd_ST0_FT0 fmul_ST0_FT0 fsub_ST0_FT0 "
        "fsubr_ST0_FT0 fdiv_ST0_FT0 fdivr_ST0_FT0 fadd_STN_ST0 fmul_STN_ST0 fsub_STN_ST0 fsubr_STN_ST0 "
        "fdiv_STN_ST0 fdivr_STN_ST0 fchs_ST0 fabs_ST0 fxam_ST0 fld1_ST0 fldl2t_ST0 fldl2e_ST0 fldpi_ST0 "
        "fldlg2_ST0 fldln2_ST0 fldz_ST0 fldz_FT0 f2xm1 fyl2x fptan fpatan fxtract fprem1 fprem fyl2xp1 fsqrt "
        "fsincos frndint fscale fsin fcos fninit emms enter_mmx",
        Kind::x87, "x87", "x87");
    add("fcomi_ST0_FT0 fucomi_ST0_FT0", Kind::x87, "x87", "x87 cc_src");
    for (const char* name : {"lcall_protected", "lcall_real", "lret_protected", "cmpxchg8b"})
        known_[name].memory = true;
    known_["lret_protected"].keeps = true;
    // A shift by 0 leaves the carry as it is; and so does a comparison that fails of a cmpxchg.
    for (const char* name : {"rclb", "rclw", "rcll", "rclq", "rcrb", "rcrw", "rcrl", "rcrq"})
        known_[name].keeps = true;
}

std::vector<StateRange> HelperPlans::ranges(std::string_view words) const {
    std::vector<StateRange> found;
    for_each_word(words, [&](std::string_view word) {
        if (word == "x87")
            found.push_back(ShadowState::x87);
        else if (auto range = state_.find(std::string(word)))
            found.push_back(*range);
        else if (word.front() == 'r')  // a 32-bit guest has eax
            if (auto narrow = state_.find("e" + std::string(word.substr(1))))
                found.push_back(*narrow);
    });
    return found;
}

void HelperPlans::add(std::string_view names, Kind kind, std::string_view reads, std::string_view writes) {
    HelperPlan plan;
    plan.kind = kind;
    plan.reads = ranges(reads);
    plan.writes = ranges(writes);
    for (const StateRange& range : plan.reads)
        plan.read_classes |= state_.classes(range);
    for (const StateRange& range : plan.writes)
        plan.write_classes |= state_.classes(range);
    // These have parts whose places differ from call to call.
    if (kind == Kind::interrupt_return || kind == Kind::save_vectors || kind == Kind::restore_vectors)
        plan.read_classes = plan.write_classes = all_classes;
    for_each_word(names, [&](std::string_view name) { known_[std::string(name)] = plan; });
}

HelperPlan HelperPlans::make(const trace::tcg::Call& call) const {
    constexpr uint8_t pure = trace::tcg::Call::no_side_effects | trace::tcg::Call::reads_no_globals;
    if (const auto found = known_.find(call.name); found != known_.end())
        return found->second;
    HelperPlan plan;
    if (const auto vector = vector_plan(call)) {
        plan = *vector;
        if (plan.shape == Shape::compare)
            for (const StateRange& range : ranges("cc_src"))
                plan.write_classes |= state_.classes(range);
        return plan;
    }
    bool pointers = false;
    for (unsigned i = 0; call.argument(i) != trace::tcg::CallType::none; ++i)
        pointers = pointers || call.argument(i) == trace::tcg::CallType::pointer;
    if (call.name.starts_with("gvec_")) {
        plan.kind = Kind::operands;
        return plan;  // its width is in each call
    }
    if ((call.flags & pure) == pure && !pointers) {
        plan.kind = Kind::mixing;
        return plan;
    }
    if ((call.flags & trace::tcg::Call::no_return) != 0) {
        plan.kind = Kind::nothing;
        return plan;
    }
    plan.memory = true;
    plan.read_classes = plan.write_classes = all_classes;
    return plan;
}

const HelperPlan& HelperPlans::find(const trace::tcg::Call& call) {
    const auto found = found_.find(call.name);
    if (found != found_.end())
        return found->second;
    return found_.emplace(call.name, make(call)).first->second;
}

}  // namespace panda::taint
