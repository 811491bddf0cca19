// Memory of machines with several nodes (NUMA), which pages are there, and kernels that are loaded to be started.
#include "analyzers/syscalls/notation.h"
#include "analyzers/syscalls/tables.h"
#include "analyzers/syscalls/text.h"

namespace panda::syscalls::notation {
namespace {

// mm/mempolicy.c, get_nodes(): `nodes` counts one more than the mask has bits.
std::string node_mask_at(const Context& context, uint64_t place, uint64_t nodes) {
    const unsigned word = context.word_size();
    const uint64_t bits = 8 * uint64_t{word};
    const uint64_t words = (nodes + bits - 2) / bits;
    if (words < nodes / bits || (nodes != 0 && words == 0))
        return address_text(place);
    return array_at(context, place, words, word, [&](uint64_t at) -> std::optional<std::string> {
        const auto value = context.read_word(at);
        return value ? std::optional(full_word_text(*value, word)) : std::nullopt;
    });
}

// Numbers of 32 bits, by what `text` makes of each.
template <typename Text>
std::string numbers_text(const Context& context, const Notation& notation, Text text) {
    return array_at(context, context.argument(notation), context.argument_at(notation.numbers[0]), 4,
                    [&](uint64_t at) -> std::optional<std::string> {
                        const auto value = context.read_signed(at, 4);
                        return value ? std::optional(text(*value)) : std::nullopt;
                    });
}

std::string error_text(const Context& context, int64_t value) {
    const char* name =
        value < 0 ? constant_name(errno_constants(), context.abi(), static_cast<uint64_t>(-value)) : nullptr;
    return name ? "-" + std::string(name) : std::to_string(value);
}

}  // namespace

std::string memory_policy(const Context& context, const Value& value, const Notation&) {
    const Abi abi = context.abi();
    uint64_t all_flags = 0;
    for (const Constant& flag : memory_policy_flags_constants().of(abi))
        all_flags |= flag.value;
    const uint64_t flags = value.raw & all_flags;
    if (flags == 0)
        return one_text(memory_policy_constants(), abi, value.raw);
    const char* name = constant_name(memory_policy_constants(), abi, value.raw & ~all_flags);
    const std::string rest = flags_text(memory_policy_flags_constants(), abi, name ? flags : value.raw);
    return name ? name + ("|" + rest) : rest;
}

std::optional<std::string> node_mask(Context& context, const Notation& notation) {
    return node_mask_at(context, context.argument(notation), context.argument_at(notation.numbers[0]));
}

std::optional<std::string> out_node_mask(Context& context, const Notation& notation) {
    if (context.at_entry())
        return std::nullopt;
    return context.without_output() ? address_text(context.argument(notation)) : node_mask(context, notation);
}

std::optional<std::string> in_addresses(Context& context, const Notation& notation) {
    return array_at(context, context.argument(notation), context.argument_at(notation.numbers[0]),
                    context.word_size(), [&](uint64_t at) -> std::optional<std::string> {
                        const auto value = context.read_word(at);
                        return value ? std::optional(address_text(*value)) : std::nullopt;
                    });
}

std::optional<std::string> in_numbers(Context& context, const Notation& notation) {
    return numbers_text(context, notation, [](int64_t value) { return std::to_string(value); });
}

std::optional<std::string> out_errors(Context& context, const Notation& notation) {
    if (context.at_entry())
        return std::nullopt;
    if (context.without_output())
        return address_text(context.argument(notation));
    return numbers_text(context, notation, [&](int64_t value) { return error_text(context, value); });
}

// mincore(2): a byte a page, of which the lowest bit tells whether the page is there.
std::optional<std::string> out_residence(Context& context, const Notation& notation) {
    constexpr uint64_t page = 4096;
    if (context.at_entry())
        return std::nullopt;
    const uint64_t place = context.argument(notation);
    if (context.without_output())
        return address_text(place);
    const uint64_t length = context.argument_at(notation.numbers[0]);
    return array_at(context, place, length / page + (length % page != 0), 1,
                    [&](uint64_t at) -> std::optional<std::string> {
                        const auto value = context.read_unsigned(at, 1);
                        return value ? std::optional(std::to_string(*value & 1)) : std::nullopt;
                    });
}

// include/linux/kexec.h: at most KEXEC_SEGMENT_MAX segments.
std::optional<std::string> in_kexec_segments(Context& context, const Notation& notation) {
    constexpr uint64_t max_segments = 16;
    const uint64_t count = context.argument_at(notation.numbers[0]);
    const uint64_t place = context.argument(notation);
    const Layout& layout = kexec_segment_layout();
    if (count > max_segments)
        return address_text(place);
    return array_at(context, place, count, layout.size_in(context.abi()),
                    [&](uint64_t at) -> std::optional<std::string> {
                        std::string text = structure_at(context, at, layout);
                        return text.front() == '{' ? std::optional(std::move(text)) : std::nullopt;
                    });
}

// include/uapi/linux/kexec.h: the upper half is the architecture.
std::optional<std::string> kexec_flags(Context& context, const Notation& notation) {
    constexpr uint64_t architecture_mask = 0xffff0000;
    const uint64_t value = context.argument(notation);
    std::string text = one_text(kexec_architecture_constants(), context.abi(), value & architecture_mask);
    if (const uint64_t rest = value & ~architecture_mask; rest != 0)
        text += "|" + flags_text(kexec_flags_constants(), context.abi(), rest);
    return text;
}

}  // namespace panda::syscalls::notation
