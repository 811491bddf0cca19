// Signals: sets, actions, what a signal tells.
#include <algorithm>
#include <bit>
#include <cstdio>

#include "analyzers/syscalls/call_text.h"
#include "analyzers/syscalls/notation.h"
#include "analyzers/syscalls/tables.h"
#include "analyzers/syscalls/text.h"
#include "common/hex.h"

namespace panda::syscalls {
namespace {

// Signals without the prefix SIG: CHLD, RT_3.
std::string short_signal_text(uint64_t signal) {
    const std::string text = signal_text(signal);
    if (text == "SIGRTMIN")
        return "RTMIN";
    return text.rfind("SIG", 0) == 0 ? text.substr(3) : text;
}

// As strace writes a set: the signals in it, or after a ~ those that are not in it, if these are fewer.
std::string set_text(uint64_t set, unsigned bits) {
    const unsigned members = static_cast<unsigned>(std::popcount(set));
    const bool inverted = members >= bits * 2 / 3;
    std::string text = inverted ? "~[" : "[";
    bool first = true;
    for (unsigned signal = 1; signal <= bits; ++signal) {
        if (((set >> (signal - 1) & 1) != 0) == inverted)
            continue;
        text += (first ? "" : " ") + short_signal_text(signal);
        first = false;
    }
    return text + "]";
}

}  // namespace

std::string signal_set_at(const Context& context, uint64_t place, uint64_t size) {
    if (place == 0)
        return "NULL";
    const auto bytes = static_cast<unsigned>(std::min<uint64_t>(size, 8));
    const auto set = context.read_unsigned(place, bytes);
    return set && bytes != 0 && size <= 8 && size % context.word_size() == 0 ? set_text(*set, 8 * bytes)
                                                                             : address_text(place);
}

namespace notation {
namespace {

// include/uapi/asm-generic/signal.h, siginfo.h.
constexpr uint64_t sigill = 4, sigtrap = 5, sigbus = 7, sigfpe = 8, sigsegv = 11, sigchld = 17, sigpoll = 29,
                   sigsys = 31;
constexpr int32_t si_user = 0, si_timer = -2, si_tkill = -6;

std::string handler_text(uint64_t handler) {
    switch (handler) {
        case 0:
            return "SIG_DFL";
        case 1:
            return "SIG_IGN";
        default:
            return hex(handler);
    }
}

// struct kernel_sigaction (include/linux/signal_types.h): handler, flags, restorer, mask, each a word, the
// mask as long as the call says. i386 has the same order in rt_sigaction.
std::string action_at(const Context& context, uint64_t place, uint64_t mask_size) {
    constexpr uint64_t sa_restorer = 0x04000000;
    if (place == 0)
        return "NULL";
    const unsigned word = context.word_size();
    const auto handler = context.read_word(place);
    const auto flags = context.read_word(place + word);
    const auto restorer = context.read_word(place + 2 * word);
    if (!handler || !flags || !restorer)
        return address_text(place);
    std::string text = "{sa_handler=" + handler_text(*handler);
    text += ", sa_mask=" + signal_set_at(context, place + 3 * word, mask_size);
    text += ", sa_flags=" + flags_text(sigaction_flags_constants(), context.abi(), *flags);
    if ((*flags & sa_restorer) != 0)
        text += ", sa_restorer=" + address_text(*restorer);
    return text + "}";
}

// The codes of signals that the kernel sends by itself; null when they have none of their own.
const Family* codes_of(uint64_t signal) {
    switch (signal) {
        case sigchld:
            return &child_code_constants();
        case sigsegv:
            return &segv_code_constants();
        case sigill:
            return &ill_code_constants();
        case sigfpe:
            return &fpe_code_constants();
        case sigbus:
            return &bus_code_constants();
        case sigtrap:
            return &trap_code_constants();
        case sigpoll:
            return &poll_code_constants();
        case sigsys:
            return &sys_code_constants();
        default:
            return nullptr;
    }
}

std::string code_text(Abi abi, uint64_t signal, int32_t code) {
    if (const char* name =
            constant_name(si_code_constants(), abi, static_cast<uint64_t>(static_cast<int64_t>(code))))
        return name;
    const Family* family = codes_of(signal);
    const char* name = family ? constant_name(*family, abi, static_cast<uint32_t>(code)) : nullptr;
    return name ? name : hex(static_cast<uint32_t>(code));
}

// The words and ints of a siginfo_t after its first three, from `place` on; what cannot be read is 0.
struct SignalFields {
    const Context& context;
    uint64_t place;

    int64_t number(unsigned offset) const { return context.read_signed(place + offset, 4).value_or(0); }
    uint64_t word(unsigned offset) const { return context.read_word(place + offset).value_or(0); }
    std::string sender() const {
        return ", si_pid=" + std::to_string(number(0)) +
               ", si_uid=" + std::to_string(static_cast<uint32_t>(number(4)));
    }
    std::string value() const {
        return ", si_int=" + std::to_string(number(8)) + ", si_ptr=" + address_text(word(8));
    }
};

// The fields of a signal that a program sent (include/uapi/asm-generic/siginfo.h, SI_FROMUSER).
std::string sent_text(const SignalFields& fields, int32_t code) {
    if (code == si_timer)
        return ", si_timerid=" +
               (fields.number(0) == 0 ? "0" : hex(static_cast<uint32_t>(fields.number(0)))) +
               ", si_overrun=" + std::to_string(fields.number(4)) + fields.value();
    if (code == si_user || code == si_tkill || fields.word(8) == 0)
        return fields.sender();
    return fields.sender() + fields.value();
}

// clock_t for programs: include/asm-generic/param.h, USER_HZ 100.
std::string seconds_text(int64_t ticks) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2f", static_cast<double>(ticks) / 100);
    return text;
}

std::string child_text(const SignalFields& fields, int32_t code, unsigned word) {
    constexpr int32_t cld_exited = 1;
    const int64_t status = fields.number(8);
    const unsigned times = word == 8 ? 16 : 12;
    const auto time_at = [&](unsigned offset) {
        const int64_t ticks = fields.context.read_signed(fields.place + offset, word).value_or(0);
        return std::to_string(ticks) + (ticks == 0 ? "" : " /* " + seconds_text(ticks) + " s */");
    };
    return fields.sender() + ", si_status=" +
           (code == cld_exited ? std::to_string(status) : signal_text(static_cast<uint64_t>(status))) +
           ", si_utime=" + time_at(times) + ", si_stime=" + time_at(times + word);
}

// The call that seccomp or user dispatch turned into a signal, by the ABI that it was made for.
std::string turned_away_text(const SignalFields& fields, unsigned word) {
    const auto number = static_cast<uint32_t>(fields.number(word));
    const auto architecture = static_cast<uint32_t>(fields.number(word + 4));
    const char* name = constant_name(audit_architecture_constants(), Abi::x86_64, architecture);
    const std::string_view shown = name ? name : "";
    const CallDescription* call = shown == "AUDIT_ARCH_X86_64" ? find_call(Abi::x86_64, uint64_t{number})
                                  : shown == "AUDIT_ARCH_I386" ? find_call(Abi::i386, uint64_t{number})
                                                               : nullptr;
    return ", si_call_addr=" + address_text(fields.word(0)) +
           ", si_syscall=" + (call ? "__NR_" + std::string(call->name) : std::to_string(number)) +
           ", si_arch=" + (name ? name : hex(architecture) + " /* AUDIT_ARCH_??? */");
}

// The fields of a signal that the kernel raised.
std::string raised_text(const SignalFields& fields, uint64_t signal, int32_t code, unsigned word) {
    switch (signal) {
        case sigchld:
            return child_text(fields, code, word);
        case sigill:
        case sigfpe:
        case sigsegv:
        case sigbus:
            return ", si_addr=" + address_text(fields.word(0));
        case sigpoll:
            return code <= 3 ? ", si_band=" + std::to_string(static_cast<int64_t>(fields.word(0))) : "";
        case sigsys:
            return turned_away_text(fields, word);
        default:
            return (fields.number(0) != 0 || fields.number(4) != 0 ? fields.sender() : "") +
                   (fields.word(8) != 0 ? fields.value() : "");
    }
}

// siginfo_t: si_signo, si_errno, si_code, and from the next word on what the signal is about
// (include/uapi/asm-generic/siginfo.h).
std::string siginfo_at(const Context& context, uint64_t place) {
    const auto signal = context.read_unsigned(place, 4);
    const auto error = context.read_signed(place + 4, 4);
    const auto raw_code = context.read_signed(place + 8, 4);
    if (!signal || !error || !raw_code)
        return address_text(place);
    // A wait that found nothing.
    if (*signal == 0)
        return "{}";
    const auto code = static_cast<int32_t>(*raw_code);
    std::string text =
        "{si_signo=" + signal_text(*signal) + ", si_code=" + code_text(context.abi(), *signal, code);
    if (*error != 0)
        text += ", si_errno=" + errno_name(*error);
    const unsigned word = context.word_size();
    const SignalFields fields{context, place + (word == 8 ? 16 : 12)};
    return text + (code <= 0 ? sent_text(fields, code) : raised_text(fields, *signal, code, word)) + "}";
}

std::optional<std::string> output_set(Context& context, const Notation& notation, uint64_t size) {
    const uint64_t place = context.argument(notation);
    if (context.at_entry())
        return std::nullopt;
    return context.without_output() ? address_text(place) : signal_set_at(context, place, size);
}

}  // namespace

std::string signal(const Context&, const Value& value, const Notation&) {
    return signal_text(value.raw);
}

std::string handler(const Context&, const Value& value, const Notation&) {
    return handler_text(value.raw);
}

std::optional<std::string> in_sigaction(Context& context, const Notation& notation) {
    return action_at(context, context.argument(notation), context.argument_at(notation.numbers[0]));
}

std::optional<std::string> out_sigaction(Context& context, const Notation& notation) {
    const uint64_t place = context.argument(notation);
    if (context.at_entry())
        return std::nullopt;
    return context.without_output() ? address_text(place)
                                    : action_at(context, place, context.argument_at(notation.numbers[0]));
}

std::optional<std::string> in_signals(Context& context, const Notation& notation) {
    return signal_set_at(context, context.argument(notation), context.argument_at(notation.numbers[0]));
}

std::optional<std::string> out_signals(Context& context, const Notation& notation) {
    return output_set(context, notation, context.argument_at(notation.numbers[0]));
}

std::optional<std::string> in_old_signals(Context& context, const Notation& notation) {
    return signal_set_at(context, context.argument(notation), context.word_size());
}

std::optional<std::string> out_old_signals(Context& context, const Notation& notation) {
    return output_set(context, notation, context.word_size());
}

std::optional<std::string> in_siginfo(Context& context, const Notation& notation) {
    const uint64_t place = context.argument(notation);
    return place == 0 ? "NULL" : siginfo_at(context, place);
}

// struct sigevent (include/uapi/asm-generic/siginfo.h): a value, a word; the signal, the way; and what the
// way needs.
std::optional<std::string> in_sigevent(Context& context, const Notation& notation) {
    constexpr uint64_t by_signal = 0, by_thread = 2, to_thread = 4;
    const uint64_t place = context.argument(notation);
    const unsigned word = context.word_size();
    const auto value = context.read_word(place);
    const auto signal = context.read_unsigned(place + word, 4);
    const auto way = context.read_unsigned(place + word + 4, 4);
    if (place == 0 || !value || !signal || !way)
        return address_text(place);
    std::string text = "{";
    if (*value != 0)
        text += "sigev_value={sival_int=" + std::to_string(static_cast<int32_t>(*value)) +
                ", sival_ptr=" + address_text(*value) + "}, ";
    const bool is_signal = *way == by_signal || *way == by_thread || *way == to_thread;
    text += "sigev_signo=" + (is_signal ? signal_text(*signal) : std::to_string(*signal)) +
            ", sigev_notify=" + one_text(sigev_constants(), context.abi(), *way);
    const uint64_t rest = place + word + 8;
    if (*way == to_thread)
        text += ", sigev_notify_thread_id=" + std::to_string(context.read_signed(rest, 4).value_or(0));
    if (*way == by_thread)
        text += ", sigev_notify_function=" + address_text(context.read_word(rest).value_or(0)) +
                ", sigev_notify_attributes=" + address_text(context.read_word(rest + word).value_or(0));
    return text + "}";
}

std::string result_signal(Context& context) {
    const int64_t value = context.result().value;
    return std::to_string(value) + " (" + signal_text(static_cast<uint64_t>(value)) + ")";
}

std::optional<std::string> out_siginfo(Context& context, const Notation& notation) {
    const uint64_t place = context.argument(notation);
    if (context.at_entry())
        return std::nullopt;
    if (place == 0 || context.without_output())
        return address_text(place);
    return siginfo_at(context, place);
}

// The frame that a handler leaves: at its end the stack points to it. x86_64:
// arch/x86/include/asm/sigframe.h, struct rt_sigframe without its first word; uc_sigmask follows uc_flags,
// uc_link, uc_stack (40 bytes) and the 256 bytes of struct sigcontext. i386 keeps the frame where sigreturn
// finds it, whose layout depends on the call.
std::optional<std::string> signal_frame(Context& context, const Notation&) {
    const uint64_t stack = context.call().stack_pointer;
    if (context.abi() == Abi::x86_64)
        return "{mask=" + signal_set_at(context, stack + 40 + 256, 8) + "}";
    // struct rt_sigframe_ia32 { pretcode (popped), sig, pinfo, puc, info[128], uc { flags, link, stack[12],
    // sigcontext[88], sigmask } }; struct sigframe_ia32 { pretcode, sig (both popped), sigcontext[88], … }.
    if (context.call().name() == "rt_sigreturn")
        return "{mask=" + signal_set_at(context, stack + 12 + 128 + 8 + 12 + 88, 8) + "}";
    const auto low = context.read_unsigned(stack + 80, 4);
    const auto high = context.read_unsigned(stack + 88 + 624, 4);
    if (!low || !high)
        return address_text(stack);
    return "{mask=" + set_text(*low | *high << 32, 64) + "}";
}

// The call returns to what the signal interrupted, with the rax that was saved then.
std::string result_sigreturn(Context& context) {
    return std::to_string(context.result().value);
}

}  // namespace notation

std::string siginfo_text(const Signal& signal) {
    static constexpr uint64_t place = 0x1000;
    // Nothing else is in this memory.
    struct InfoMemory final : UserMemory {
        explicit InfoMemory(const Signal& from) : info(from.info) {}
        bool read(uint64_t address, std::span<std::byte> out) const override {
            if (address < place || address - place > info.size() ||
                out.size() > info.size() - (address - place))
                return false;
            std::copy_n(info.begin() + static_cast<std::ptrdiff_t>(address - place), out.size(), out.begin());
            return true;
        }
        const std::array<std::byte, 48>& info;
    };
    const InfoMemory memory(signal);
    Call none;
    none.abi = signal.abi;
    const TextOptions options;
    return notation::siginfo_at(Context(none, memory, options), place);
}

}  // namespace panda::syscalls
