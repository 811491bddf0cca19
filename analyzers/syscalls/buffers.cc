// Texts, buffers, and vectors of them.
#include <algorithm>

#include "analyzers/syscalls/notation.h"
#include "analyzers/syscalls/text.h"

namespace panda::syscalls::notation {
namespace {

constexpr uint64_t whole_path = 4095;

// How many bytes of a buffer count: as many as the call returned, or as another argument says.
uint64_t buffer_size(const Context& context, const Notation& notation) {
    return notation.numbers[0] == returned ? static_cast<uint64_t>(context.result().value)
                                           : context.argument_at(notation.numbers[0]);
}

// The strings of an array of pointers, which a null pointer ends; ... stands for those beyond the limit.
std::optional<std::vector<std::string>> string_array(const Context& context, uint64_t address) {
    std::vector<std::string> items;
    for (uint64_t place = address;; place += context.word_size()) {
        const auto pointer = context.read_word(place);
        if (!pointer) {
            if (items.empty())
                return std::nullopt;
            items.push_back("... /* " + address_text(place) + " */");
            return items;
        }
        if (*pointer == 0)
            return items;
        if (items.size() >= context.options().string_limit) {
            items.push_back("...");
            return items;
        }
        items.push_back(string_at(context, *pointer, context.options().string_limit));
    }
}

// {iov_base="…", iov_len=…} for each vector. left: how many bytes the call moved; they fill the vectors in
// order.
std::string vectors(const Context& context, uint64_t address, uint64_t count, uint64_t left) {
    if (address == 0)
        return address_text(address);
    std::vector<std::string> items;
    const unsigned word = context.word_size();
    for (uint64_t i = 0; i < count; ++i) {
        const uint64_t place = address + i * 2 * word;
        const auto base = context.read_word(place);
        const auto size = context.read_word(place + word);
        if (!base || !size) {
            if (items.empty())
                return address_text(address);
            items.push_back("... /* " + address_text(place) + " */");
            break;
        }
        if (items.size() >= context.options().string_limit) {
            items.push_back("...");
            break;
        }
        const uint64_t filled = std::min(*size, left);
        left -= filled;
        items.push_back("{iov_base=" + bytes_at(context, *base, filled) +
                        ", iov_len=" + std::to_string(*size) + "}");
    }
    return list_text('[', items, ']');
}

}  // namespace

std::string path(const Context& context, const Value& value, const Notation&) {
    return string_at(context, value.raw, whole_path);
}

std::string string(const Context& context, const Value& value, const Notation&) {
    return string_at(context, value.raw, context.options().string_limit);
}

std::string text(const Context& context, const Value& value, const Notation&) {
    std::vector<std::byte> bytes(std::min(value.size, 4096u));
    if (!context.read(value.address, bytes))
        return address_text(value.address);
    const auto end = std::find(bytes.begin(), bytes.end(), std::byte{0});
    return quoted(std::span(bytes.begin(), end));
}

std::optional<std::string> in_bytes(Context& context, const Notation& notation) {
    return bytes_at(context, context.argument(notation), buffer_size(context, notation));
}

// include/uapi/linux/limits.h: XATTR_SIZE_MAX. The kernel refuses longer values.
std::optional<std::string> in_xattr(Context& context, const Notation& notation) {
    constexpr uint64_t max_size = 65536;
    const uint64_t place = context.argument(notation);
    const uint64_t size = buffer_size(context, notation);
    if (size > max_size)
        return address_text(place);
    // A zero at the end is not shown, because values often are strings.
    const bool ends_with_zero = size != 0 && context.read_unsigned(place + size - 1, 1) == uint64_t{0};
    return bytes_at(context, place, ends_with_zero ? size - 1 : size);
}

std::optional<std::string> out_bytes(Context& context, const Notation& notation) {
    if (context.at_entry())
        return std::nullopt;
    if (context.without_output())
        return address_text(context.argument(notation));
    return bytes_at(context, context.argument(notation), buffer_size(context, notation));
}

// Bytes that cannot be read as text: all of them in hexadecimal.
std::optional<std::string> out_random(Context& context, const Notation& notation) {
    if (context.at_entry())
        return std::nullopt;
    const uint64_t place = context.argument(notation);
    const uint64_t size = buffer_size(context, notation);
    std::vector<std::byte> bytes(
        std::min<uint64_t>(context.without_output() ? 0 : size, context.options().string_limit));
    if (context.without_output() || place == 0 || !context.read(place, bytes))
        return address_text(place);
    return hex_quoted(bytes) + (size > bytes.size() ? "..." : "");
}

std::optional<std::string> out_text(Context& context, const Notation& notation) {
    return out_bytes(context, notation);
}

// At most as many bytes as the buffer has, though the call may return the length of more.
std::optional<std::string> out_bytes_within(Context& context, const Notation& notation) {
    const uint64_t place = context.argument(notation);
    if (context.at_entry())
        return std::nullopt;
    if (context.without_output())
        return address_text(place);
    return bytes_at(
        context, place,
        std::min(context.argument_at(notation.numbers[0]), static_cast<uint64_t>(context.result().value)));
}

// The same of a string whose zero counts.
std::optional<std::string> out_text_within(Context& context, const Notation& notation) {
    auto text = out_bytes_within(context, notation);
    constexpr std::string_view end = "\\0\"";
    if (text && text->ends_with(end))
        text->replace(text->size() - end.size(), end.size(), "\"");
    return text;
}

std::optional<std::string> in_binary(Context& context, const Notation& notation) {
    constexpr int32_t most = 1 << 20;  // fs/fsopen.c
    const uint64_t place = context.argument(notation);
    const auto size = static_cast<int32_t>(context.argument_at(notation.numbers[0]));
    std::vector<std::byte> bytes(
        std::min<uint64_t>(static_cast<uint32_t>(size), context.options().string_limit));
    if (size < 0 || size > most || place == 0 || !context.read(place, bytes))
        return address_text(place);
    return hex_quoted(bytes) + (static_cast<uint64_t>(size) > bytes.size() ? "..." : "");
}

// The name of a task has 16 bytes with its zero (TASK_COMM_LEN).
std::optional<std::string> in_name(Context& context, const Notation& notation) {
    return string_at(context, context.argument(notation),
                     std::min<uint64_t>(15, context.options().string_limit));
}

std::optional<std::string> out_name(Context& context, const Notation& notation) {
    if (context.at_entry())
        return std::nullopt;
    return context.without_output() ? address_text(context.argument(notation)) : in_name(context, notation);
}

std::optional<std::string> out_path(Context& context, const Notation& notation) {
    if (context.at_entry())
        return std::nullopt;
    if (context.without_output())
        return address_text(context.argument(notation));
    return string_at(context, context.argument(notation), whole_path);
}

std::optional<std::string> in_strings(Context& context, const Notation& notation) {
    const uint64_t address = context.argument(notation);
    if (address == 0)
        return "NULL";
    const auto items = string_array(context, address);
    return items ? list_text('[', *items, ']') : address_text(address);
}

// The environment is shown by its size, as strace does unless asked for more.
std::optional<std::string> in_environment(Context& context, const Notation& notation) {
    constexpr uint64_t max_variables = 1 << 16;
    const uint64_t address = context.argument(notation);
    if (address == 0)
        return "NULL";
    uint64_t count = 0;
    for (; count < max_variables; ++count) {
        const auto pointer = context.read_word(address + count * context.word_size());
        if (!pointer && count == 0)
            return address_text(address);
        if (!pointer || count + 1 == max_variables)
            return address_text(address) + " /* " + std::to_string(count) + " vars, unterminated */";
        if (*pointer == 0)
            break;
    }
    return address_text(address) + " /* " + std::to_string(count) + (count == 1 ? " var */" : " vars */");
}

std::optional<std::string> in_vectors(Context& context, const Notation& notation) {
    return vectors(context, context.argument(notation), context.argument_at(notation.numbers[0]), UINT64_MAX);
}

std::optional<std::string> out_vectors(Context& context, const Notation& notation) {
    if (context.at_entry())
        return std::nullopt;
    if (context.without_output())
        return in_address_vectors(context, notation);
    return vectors(context, context.argument(notation), context.argument_at(notation.numbers[0]),
                   static_cast<uint64_t>(context.result().value));
}

}  // namespace panda::syscalls::notation
