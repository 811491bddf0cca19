// Processes: clone, wait, prctl, futex.
#include <algorithm>
#include <csignal>

#include "analyzers/syscalls/notation.h"
#include "analyzers/syscalls/tables.h"
#include "analyzers/syscalls/text.h"
#include "common/hex.h"

namespace panda::syscalls::notation {
namespace {

// include/uapi/linux/sched.h
constexpr uint64_t csignal = 0xff;
constexpr uint64_t clone_pidfd = 0x1000;
constexpr uint64_t clone_settls = 0x80000;
constexpr uint64_t clone_parent_settid = 0x100000;
constexpr uint64_t clone_child_cleartid = 0x200000;
constexpr uint64_t clone_child_settid = 0x1000000;

// clone's arguments are written with their names, because their order depends on the processor.
uint64_t flags_of_clone(const Context& context) {
    return context.call().arguments[0];
}

std::string clone_flags_text(const Family& family, Abi abi, uint64_t flags, uint64_t signal) {
    std::string text = (flags != 0) ? flags_text(family, abi, flags) : "";
    if (signal != 0)
        text += (text.empty() ? "" : "|") + signal_text(signal);
    return text.empty() ? "0" : text;
}

// What a parent finds in the word that clone wrote for it.
std::string parent_word(const Context& context, uint64_t place, const char* label) {
    std::string text = std::string(label) + "=";
    const auto number = context.read_signed(place, 4);
    if (context.without_output() || !number)
        return text + address_text(place);
    return text + "[" + std::to_string(*number) + "]";
}

// struct user_desc as set_thread_area, modify_ldt and clone of i386 take it (arch/x86/include/uapi/asm/ldt.h). The last
// bit is there for 64-bit programs alone.
std::string user_desc_text(const Context& context, uint64_t place) {
    const auto entry = context.read_signed(place, 4);
    const auto base = context.read_unsigned(place + 4, 4);
    const auto limit = context.read_unsigned(place + 8, 4);
    const auto bits = context.read_unsigned(place + 12, 4);
    if (!entry || !base || !limit || !bits)
        return address_text(place);
    static constexpr struct {
        const char* name;
        unsigned shift, width;
    } fields[] = {{"seg_32bit", 0, 1},      {"contents", 1, 2},        {"read_exec_only", 3, 1},
                  {"limit_in_pages", 4, 1}, {"seg_not_present", 5, 1}, {"useable", 6, 1}};
    char numbers[64];
    std::snprintf(numbers, sizeof numbers, ", base_addr=%#08x, limit=%#08x", static_cast<unsigned>(*base),
                  static_cast<unsigned>(*limit));
    std::string text = "{entry_number=" + std::to_string(static_cast<int32_t>(*entry)) + numbers;
    for (const auto& field : fields)
        text += std::string(", ") + field.name + "=" +
                std::to_string(*bits >> field.shift & ((1u << field.width) - 1));
    if (context.abi() == Abi::x86_64)
        text += ", lm=" + std::to_string(*bits >> 7 & 1);
    return text + "}";
}

std::string clone_child_text(const Context& context, uint64_t place) {
    if ((flags_of_clone(context) & (clone_child_settid | clone_child_cleartid)) == 0)
        return "";
    return "child_tidptr=" + address_text(place);
}

// The numbers that a new task is to have, one for each namespace that it is in.
std::string chosen_numbers(const Context& context, uint64_t place, uint64_t count) {
    constexpr uint64_t most = 32;  // MAX_PID_NS_LEVEL
    if (count == 0 || count > most)
        return address_text(place);
    return array_at(context, place, count, 4, [&context](uint64_t at) -> std::optional<std::string> {
        const auto number = context.read_signed(at, 4);
        return number ? std::optional(std::to_string(*number)) : std::nullopt;
    });
}

std::string wait_status_text(uint64_t status) {
    const uint64_t signal = status & 0x7f;
    const std::string core = (status & 0x80) != 0 ? " && WCOREDUMP(s)" : "";
    if (status == 0xffff)
        return "{WIFCONTINUED(s)}";
    if (signal == 0x7f)
        return "{WIFSTOPPED(s) && WSTOPSIG(s) == " + signal_text(status >> 8 & 0xff) + "}";
    if (signal != 0)
        return "{WIFSIGNALED(s) && WTERMSIG(s) == " + signal_text(signal) + core + "}";
    return "{WIFEXITED(s) && WEXITSTATUS(s) == " + std::to_string(status >> 8 & 0xff) + "}";
}

constexpr uint64_t futex_command_mask = 0x7f;

uint64_t futex_command(const Context& context) {
    return context.argument_at(1) & futex_command_mask;
}

// include/uapi/linux/futex.h, by command.
constexpr bool has_timeout(uint64_t command) {
    return command == 0 || command == 6 || command == 9 || command == 11 || command == 13;
}
constexpr bool has_value2(uint64_t command) {
    return command == 3 || command == 4 || command == 5 || command == 12;
}
constexpr bool has_address2(uint64_t command) {
    return has_value2(command) || command == 11;
}
constexpr bool has_value3(uint64_t command) {
    return command == 4 || command == 5 || command == 9 || command == 10 || command == 12;
}

}  // namespace

std::optional<std::string> clone_flags(Context& context, const Notation&) {
    // Shown after the stack, by its name.
    return context.abi() == Abi::x86_64 || context.abi() == Abi::i386
               ? "child_stack=" + address_text(context.call().arguments[1])
               : "";
}

std::optional<std::string> clone_stack(Context& context, const Notation&) {
    const uint64_t value = flags_of_clone(context);
    return "flags=" + clone_flags_text(clone_constants(), context.abi(), value & 0xffffff00, value & csignal);
}

std::optional<std::string> clone_parent(Context& context, const Notation& notation) {
    if ((flags_of_clone(context) & (clone_parent_settid | clone_pidfd)) == 0)
        return "";
    if (context.at_entry())
        return std::nullopt;
    return parent_word(context, context.argument(notation), "parent_tid");
}

// tls comes first, although it is the last register of x86_64, where the notation of tls writes both.
std::optional<std::string> clone_child(Context& context, const Notation& notation) {
    return context.abi() == Abi::x86_64 ? "" : clone_child_text(context, context.argument(notation));
}

std::optional<std::string> clone_tls(Context& context, const Notation& notation) {
    const bool is_i386 = context.abi() == Abi::i386;
    const uint64_t value = context.argument(notation);
    std::string text;
    if ((flags_of_clone(context) & clone_settls) != 0)
        text = "tls=" + (is_i386 ? user_desc_text(context, value) : address_text(value));
    if (is_i386)
        return text;
    const std::string child = clone_child_text(context, context.call().arguments[3]);
    return text + (text.empty() || child.empty() ? "" : ", ") + child;
}

// struct clone_args, {flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
// set_tid_size, cgroup}: each 8 bytes. The kernel writes through pidfd and parent_tid, so the parent's side is
// shown when the call returns.
std::optional<std::string> clone3_arguments(Context& context, const Notation& notation) {
    constexpr uint64_t clone_into_cgroup = 0x200000000;
    const uint64_t place = context.argument(notation);
    uint64_t words[11]{};
    const uint64_t size = std::min<uint64_t>(context.argument_at(notation.numbers[0]), sizeof words);
    if (size < 64 || !context.read(place, std::as_writable_bytes(std::span(words)).first(size)))
        return address_text(place);
    if (context.at_entry())
        return std::nullopt;
    const auto [flags, pidfd, child, parent, signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup] =
        std::to_array(words);
    std::string text = "{flags=" + (flags == 0 ? "0" : flags_text(clone3_constants(), context.abi(), flags));
    if ((flags & clone_pidfd) != 0)
        text += ", pidfd=" + address_text(pidfd);
    if ((flags & (clone_child_settid | clone_child_cleartid)) != 0)
        text += ", child_tid=" + address_text(child);
    if ((flags & clone_parent_settid) != 0)
        text += ", parent_tid=" + address_text(parent);
    text += ", exit_signal=" + (signal < INT32_MAX ? signal_text(signal) : std::to_string(signal)) +
            ", stack=" + address_text(stack);
    text += ", stack_size=" + (stack_size == 0 ? "0" : hex(stack_size));
    if ((flags & clone_settls) != 0)
        text += ", tls=" + (context.abi() == Abi::i386 ? user_desc_text(context, tls) : address_text(tls));
    if (set_tid != 0 || set_tid_size != 0)
        text += ", set_tid=" + chosen_numbers(context, set_tid, set_tid_size) +
                ", set_tid_size=" + std::to_string(set_tid_size);
    if (cgroup != 0 || (flags & clone_into_cgroup) != 0)
        text += ", cgroup=" + std::to_string(cgroup);
    text += "}";
    if (context.without_output())
        return text;
    std::vector<std::string> written;
    if ((flags & clone_pidfd) != 0)
        if (const auto number = context.read_signed(pidfd, 4))
            written.push_back("pidfd=[" + fd_text(context, *number) + "]");
    if ((flags & clone_parent_settid) != 0)
        if (const auto number = context.read_signed(parent, 4))
            written.push_back("parent_tid=[" + std::to_string(*number) + "]");
    return written.empty() ? text : text + " => " + list_text('{', written, '}');
}

std::optional<std::string> out_wait_status(Context& context, const Notation& notation) {
    if (context.at_entry())
        return std::nullopt;
    const uint64_t place = context.argument(notation);
    const auto status = context.read_unsigned(place, 4);
    if (context.without_output() || context.result().value == 0 || !status)
        return address_text(place);
    return "[" + wait_status_text(*status) + "]";
}

std::optional<std::string> arch_prctl_argument(Context& context, const Notation& notation) {
    // ARCH_GET_FS and ARCH_GET_GS write a word; asm/prctl.h.
    const uint64_t code = context.argument_at(0);
    const uint64_t value = context.argument(notation);
    if (code != 0x1003 && code != 0x1004)
        return address_text(value);
    if (context.at_entry())
        return std::nullopt;
    const auto word = context.read_word(value);
    if (context.without_output() || !word)
        return address_text(value);
    return "[" + address_text(*word) + "]";
}

std::optional<std::string> futex_operation(Context& context, const Notation& notation) {
    const uint64_t value = context.argument(notation) & 0xffff'ffff;
    const uint64_t command = value & futex_command_mask;
    const Abi abi = context.abi();
    const bool is_private = (value & 0x80) != 0;
    const char* name = constant_name(futex_constants(), abi, command);
    std::string text = name ? name : one_text(futex_constants(), abi, command);
    if (is_private)
        text += name ? "_PRIVATE" : "|FUTEX_PRIVATE_FLAG";
    const uint64_t rest = value & ~(futex_command_mask | 0x80);
    return rest == 0 ? text : text + "|" + flags_text(futex_flags_constants(), abi, rest);
}

std::optional<std::string> futex_timeout(Context& context, const Notation& notation) {
    const uint64_t command = futex_command(context);
    const uint64_t value = context.argument(notation);
    if (has_value2(command))
        return std::to_string(value);
    if (!has_timeout(command))
        return "";
    return value == 0 ? "NULL" : structure_at(context, value, *notation.layout);
}

std::optional<std::string> futex_address2(Context& context, const Notation& notation) {
    if (!has_address2(futex_command(context)))
        return "";
    return address_text(context.argument(notation));
}

std::optional<std::string> futex_value3(Context& context, const Notation& notation) {
    const uint64_t command = futex_command(context);
    const uint64_t value = context.argument(notation) & 0xffff'ffff;
    if (!has_value3(command))
        return "";
    if (command == 9 || command == 10)  // FUTEX_WAIT_BITSET, FUTEX_WAKE_BITSET
        return value == 0xffff'ffff ? "FUTEX_BITSET_MATCH_ANY" : hex(value);
    return command == 5 ? hex(value) : std::to_string(value);
}

// A call without arguments; strace tells which call it resumes.
std::optional<std::string> resumed(Context& context, const Notation&) {
    const CallDescription* call = context.call().resumed;
    return "<... resuming interrupted " + std::string(call ? call->name : "system call") + " ...>";
}

std::optional<std::string> in_user_desc(Context& context, const Notation& notation) {
    return user_desc_text(context, context.argument(notation));
}

std::optional<std::string> ldt_entry(Context& context, const Notation& notation) {
    constexpr uint64_t entry_size = 16;
    const uint64_t place = context.argument(notation);
    return context.argument_at(notation.numbers[0]) == entry_size ? user_desc_text(context, place)
                                                                  : address_text(place);
}

// The kernel chooses an entry when it was given -1, and writes its number back.
std::string result_thread_area(Context& context) {
    const auto entry = context.read_signed(context.argument_at(0), 4);
    return std::to_string(context.result().value) +
           (entry ? " (entry_number=" + std::to_string(*entry) + ")" : "");
}

std::string result_futex(Context& context) {
    return std::to_string(context.result().value);
}

std::string result_sched_policy(Context& context) {
    const auto value = static_cast<uint64_t>(context.result().value);
    const char* name = constant_name(sched_policy_constants(), context.abi(), value);
    return std::to_string(value) + (name ? std::string(" (") + name + ")" : "");
}

std::string result_number(Context& context) {
    return std::to_string(context.result().value);
}

std::string result_address(Context& context) {
    const auto value = static_cast<uint64_t>(context.result().value);
    const uint64_t address = context.abi() == Abi::i386 ? value & 0xffff'ffff : value;
    return address == 0 ? "0" : hex(address);
}

}  // namespace panda::syscalls::notation
