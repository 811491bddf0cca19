// Privileges, filters of system calls, keys, Landlock.
#include <algorithm>

#include "analyzers/syscalls/notation.h"
#include "analyzers/syscalls/tables.h"
#include "analyzers/syscalls/text.h"
#include "common/hex.h"

namespace panda::syscalls::notation {
namespace {

std::string hex_or_zero(uint64_t value) {
    return value == 0 ? "0" : hex(value);
}

// include/uapi/linux/capability.h: a set of capabilities as bits of two words. The names of the second word
// are shown with its bits.
std::string capability_set(Abi abi, uint32_t low, uint32_t high) {
    std::string text;
    for (const Constant& constant : capability_constants().of(abi)) {
        uint32_t& half = constant.value < 32 ? low : high;
        const uint32_t bit = uint32_t{1} << (constant.value & 31);
        if ((half & bit) == 0)
            continue;
        text += (text.empty() ? "1<<" : "|1<<") + std::string(constant.name);
        half &= ~bit;
    }
    for (const uint32_t rest : {low, high})
        if (rest != 0)
            text += text.empty() ? hex(rest) + " /* CAP_??? */" : "|" + hex(rest);
    return text.empty() ? "0" : text;
}

// struct __user_cap_data_struct {effective, permitted, inheritable}; two of them for more than 32
// capabilities.
std::string capabilities_at(const Context& context, uint64_t place, uint64_t header) {
    constexpr uint32_t version_2 = 0x20071026, version_3 = 0x20080522;
    const auto version = context.read_unsigned(header, 4);
    if (place == 0 || header == 0 || !version)
        return address_text(place);
    const bool is_long = *version == version_2 || *version == version_3;
    uint32_t words[6]{};
    if (!context.read(place, std::as_writable_bytes(std::span(words)).first(is_long ? 24 : 12)))
        return address_text(place);
    static constexpr const char* labels[] = {"effective=", ", permitted=", ", inheritable="};
    std::string text = "{";
    for (size_t i = 0; i < 3; ++i)
        text += labels[i] + capability_set(context.abi(), words[i], words[i + 3]);
    return text + "}";
}

}  // namespace

std::optional<std::string> in_capabilities(Context& context, const Notation& notation) {
    return capabilities_at(context, context.argument(notation), context.argument_at(notation.numbers[0]));
}

std::optional<std::string> out_capabilities(Context& context, const Notation& notation) {
    if (context.at_entry())
        return std::nullopt;
    return context.without_output() ? address_text(context.argument(notation))
                                    : in_capabilities(context, notation);
}

// Of PR_CAP_AMBIENT: IS_SET, RAISE and LOWER are 1 to 3 and take a capability.
std::optional<std::string> ambient_capability(Context& context, const Notation& notation) {
    const uint64_t command = context.argument_at(notation.numbers[0]);
    const uint64_t value = context.argument(notation);
    return command >= 1 && command <= 3 ? one_text(capability_constants(), context.abi(), value)
                                        : hex_or_zero(value);
}

std::optional<std::string> mce_kill_policy(Context& context, const Notation& notation) {
    constexpr uint64_t set = 1;
    const uint64_t value = context.argument(notation);
    return context.argument_at(notation.numbers[0]) == set
               ? one_text(pr_mce_kill_policy_constants(), context.abi(), value)
               : hex_or_zero(value);
}

constexpr uint64_t mode_strict = 1, mode_filter = 2;  // include/uapi/linux/seccomp.h

std::optional<std::string> seccomp_filter(Context& context, const Notation& notation) {
    const uint64_t mode = context.argument_at(notation.numbers[0]);
    const uint64_t place = context.argument(notation);
    if (mode == mode_filter)
        return place == 0 ? "NULL" : structure_at(context, place, sock_fprog_layout());
    return mode == mode_strict ? "" : hex_or_zero(place);
}

// The arguments after the filter, which neither mode has.
std::optional<std::string> seccomp_rest(Context& context, const Notation& notation) {
    const uint64_t mode = context.argument_at(notation.numbers[0]);
    return mode == mode_strict || mode == mode_filter ? "" : hex_or_zero(context.argument(notation));
}

std::optional<std::string> sched_core_cookie(Context& context, const Notation& notation) {
    constexpr uint64_t get = 0;
    const uint64_t place = context.argument(notation);
    if ((context.argument_at(notation.numbers[0]) & 0xffff'ffff) != get)
        return address_text(place);
    if (context.at_entry())
        return std::nullopt;
    const auto cookie = context.read_unsigned(place, 8);
    return context.without_output() || !cookie ? address_text(place) : "[" + hex_or_zero(*cookie) + "]";
}

// Bytes of flags; the first two have names.
std::optional<std::string> out_key_capabilities(Context& context, const Notation& notation) {
    if (context.at_entry())
        return std::nullopt;
    const uint64_t place = context.argument(notation);
    if (context.without_output())
        return address_text(place);
    const uint64_t count =
        std::min(context.argument_at(notation.numbers[0]), static_cast<uint64_t>(context.result().value));
    return array_at(context, place, count, 1, [&](uint64_t at) -> std::optional<std::string> {
        const auto byte = context.read_unsigned(at, 1);
        if (!byte)
            return std::nullopt;
        if (at - place > 1)
            return hex_or_zero(*byte);
        const Family& family = at == place ? key_capabilities0_constants() : key_capabilities1_constants();
        return flags_text(family, context.abi(), *byte);
    });
}

// struct landlock_ruleset_attr {handled_access_fs, handled_access_net, scoped}: 8 bytes each, as many as the
// call says.
std::optional<std::string> landlock_ruleset(Context& context, const Notation& notation) {
    const uint64_t place = context.argument(notation);
    const uint64_t size = context.argument_at(notation.numbers[0]);
    uint64_t words[3]{};
    const uint64_t known = std::min<uint64_t>(size, sizeof words);
    if (size < 8 || place == 0 || !context.read(place, std::as_writable_bytes(std::span(words)).first(known)))
        return address_text(place);
    const Abi abi = context.abi();
    std::string text = "{handled_access_fs=" + flags_text(landlock_fs_constants(), abi, words[0]);
    if (size > 8)
        text += ", handled_access_net=" + flags_text(landlock_net_constants(), abi, words[1]);
    if (size > 16)
        text += ", scoped=" + flags_text(landlock_scope_constants(), abi, words[2]);
    return text + (size > sizeof words ? ", ...}" : "}");
}

// With LANDLOCK_CREATE_RULESET_VERSION the call returns a version.
std::string result_landlock_ruleset(Context& context) {
    constexpr uint64_t version = 1;
    return (context.argument_at(2) & version) != 0 ? std::to_string(context.result().value)
                                                   : fd_text(context, context.result().value);
}

}  // namespace panda::syscalls::notation
