// Values and lists in a program's memory.
#include <algorithm>

#include "analyzers/syscalls/notation.h"
#include "analyzers/syscalls/tables.h"
#include "analyzers/syscalls/text.h"

namespace panda::syscalls::notation {
namespace {

std::string value_text(Context& context, const Notation& notation) {
    const uint64_t place = context.argument(notation);
    if (place == 0)
        return "NULL";
    const auto text =
        value_at(context, place, notation.size == 0 ? context.word_size() : notation.size, notation);
    return text ? "[" + *text + "]" : address_text(place);
}

uint64_t item_count(const Context& context, const Notation& notation) {
    return notation.numbers[0] == returned ? static_cast<uint64_t>(context.result().value)
                                           : context.argument_at(notation.numbers[0]);
}

std::string structures_text(Context& context, const Notation& notation) {
    const Layout& layout = *notation.layout;
    return array_at(context, context.argument(notation), item_count(context, notation),
                    layout.size_in(context.abi()), [&](uint64_t place) -> std::optional<std::string> {
                        std::string text = structure_at(context, place, layout);
                        return text.front() == '{' ? std::optional(std::move(text)) : std::nullopt;
                    });
}

}  // namespace

std::optional<std::string> pointed_in(Context& context, const Notation& notation) {
    return value_text(context, notation);
}

std::optional<std::string> pointed_out(Context& context, const Notation& notation) {
    if (context.at_entry())
        return std::nullopt;
    return context.without_output() ? address_text(context.argument(notation))
                                    : value_text(context, notation);
}

std::optional<std::string> in_structs(Context& context, const Notation& notation) {
    return structures_text(context, notation);
}

std::optional<std::string> out_structs(Context& context, const Notation& notation) {
    if (context.at_entry())
        return std::nullopt;
    return context.without_output() ? address_text(context.argument(notation))
                                    : structures_text(context, notation);
}

// A structure that newer kernels may make longer: the size is an argument, and at least the second number.
std::optional<std::string> in_sized_struct(Context& context, const Notation& notation) {
    const uint64_t place = context.argument(notation);
    const uint64_t size = context.argument_at(notation.numbers[0]);
    return size < notation.numbers[1] ? address_text(place) : structure_at(context, place, *notation.layout);
}

// Vectors whose bytes do not matter: {iov_base=0x…, iov_len=…}.
std::optional<std::string> in_address_vectors(Context& context, const Notation& notation) {
    const unsigned word = context.word_size();
    return array_at(context, context.argument(notation), context.argument_at(notation.numbers[0]), 2 * word,
                    [&](uint64_t place) -> std::optional<std::string> {
                        const auto base = context.read_word(place);
                        const auto size = context.read_word(place + word);
                        if (!base || !size)
                            return std::nullopt;
                        return "{iov_base=" + address_text(*base) + ", iov_len=" + std::to_string(*size) +
                               "}";
                    });
}

// The address of one vector.
std::optional<std::string> in_vector(Context& context, const Notation& notation) {
    const uint64_t place = context.argument(notation);
    const auto base = context.read_word(place);
    const auto size = context.read_word(place + context.word_size());
    if (place == 0 || !base || !size)
        return address_text(place);
    return "{iov_base=" + address_text(*base) + ", iov_len=" + std::to_string(*size) + "}";
}

std::optional<std::string> in_fds(Context& context, const Notation& notation) {
    return array_at(context, context.argument(notation),
                    context.argument_at(notation.numbers[0]) & 0xffff'ffff, 4,
                    [&](uint64_t place) -> std::optional<std::string> {
                        const auto number = context.read_signed(place, 4);
                        return number ? std::optional(fd_text(context, *number)) : std::nullopt;
                    });
}

}  // namespace panda::syscalls::notation
