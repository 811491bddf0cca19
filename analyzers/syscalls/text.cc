#include "analyzers/syscalls/text.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <ctime>
#include <string_view>

#include "analyzers/syscalls/tables.h"
#include "common/hex.h"

namespace panda::syscalls {
namespace {

// PATH_MAX. Longer strings are cut.
constexpr uint64_t max_string = 4096;
constexpr uint64_t page = 4096;

template <typename... Arguments>
std::string formatted(const char* format, Arguments... arguments) {
    char text[64];
    std::snprintf(text, sizeof text, format, arguments...);
    return text;
}

// What follows an octal escape must not read as one more digit of it.
void append_escaped(std::string& text, unsigned char byte, bool octal_digit_follows,
                    bool in_brackets = false) {
    static constexpr char letters[] = "\t\n\v\f\r\"\\";
    static constexpr char escapes[] = "tnvfr\"\\";
    if (const char* letter =
            byte ? std::char_traits<char>::find(letters, sizeof letters - 1, static_cast<char>(byte))
                 : nullptr) {
        text += '\\';
        text += escapes[letter - letters];
    } else if (byte >= 0x20 && byte < 0x7f && !(in_brackets && (byte == '<' || byte == '>'))) {
        text += static_cast<char>(byte);
    } else {
        text += formatted(octal_digit_follows ? "\\%03o" : "\\%o", byte);
    }
}

}  // namespace

std::string address_text(uint64_t address) {
    return address == 0 ? "NULL" : hex(address);
}

std::string full_word_text(uint64_t value, unsigned size) {
    const std::string digits = value == 0 ? "" : hex(value).substr(2);
    const size_t width = 2 * size - (value == 0 ? 0 : 2);
    return (value == 0 ? "" : "0x") + std::string(width > digits.size() ? width - digits.size() : 0, '0') +
           digits;
}

std::string mode_text(uint64_t mode) {
    return formatted("%#03" PRIo64, mode);
}

std::string quoted(std::span<const std::byte> bytes) {
    std::string text = "\"";
    for (size_t i = 0; i < bytes.size(); ++i) {
        const auto next = i + 1 < bytes.size() ? std::to_integer<unsigned char>(bytes[i + 1]) : 0;
        append_escaped(text, std::to_integer<unsigned char>(bytes[i]), next >= '0' && next <= '7');
    }
    return text + '"';
}

std::string quoted(const std::string& text) {
    return quoted(std::as_bytes(std::span(text)));
}

const char* constant_name(const Family& family, Abi abi, uint64_t value) {
    for (const Constant& constant : family.of(abi))
        if (constant.value == value)
            return constant.name;
    return nullptr;
}

std::string one_text(const Family& family, Abi abi, uint64_t value) {
    if (const char* name = constant_name(family, abi, value))
        return name;
    return (value == 0 ? "0" : hex(value)) + " /* " + family.unknown + " */";
}

std::string flags_text(const Family& family, Abi abi, uint64_t value) {
    if (value == 0) {
        const char* name = constant_name(family, abi, 0);
        return name ? name : "0";
    }
    std::string text;
    uint64_t rest = value;
    for (const Constant& constant : family.of(abi)) {
        if (constant.value == 0 || (rest & constant.value) != constant.value)
            continue;
        text += (text.empty() ? "" : "|") + std::string(constant.name);
        rest &= ~constant.value;
    }
    if (text.empty())
        return hex(value) + " /* " + family.unknown + " */";
    return rest == 0 ? text : text + "|" + hex(rest);
}

std::string more_flags_text(const Family& family, Abi abi, uint64_t value) {
    const std::string text = flags_text(family, abi, value);
    return text.substr(0, text.find(" /* "));
}

std::string time_comment(int64_t seconds, uint64_t part, unsigned digits) {
    const std::time_t time = seconds;
    std::tm parts;
    char text[64];
    const std::string fraction = std::to_string(part);
    if ((seconds == 0 && part == 0) || (part != 0 && fraction.size() > digits) ||
        gmtime_r(&time, &parts) == nullptr ||
        std::strftime(text, sizeof text, " /* %Y-%m-%dT%H:%M:%S", &parts) == 0)
        return {};
    return text + (part == 0 ? "" : "." + std::string(digits - fraction.size(), '0') + fraction) + "+0000 */";
}

std::string signal_text(uint64_t signal) {
    if (const char* name = constant_name(signal_constants(), Abi::x86_64, signal))
        return name;
    // include/uapi/asm-generic/signal.h: SIGRTMIN 32, _NSIG 64. The C library counts from 34.
    if (signal >= 32 && signal <= 64)
        return signal == 32 ? "SIGRTMIN" : "SIGRT_" + std::to_string(signal - 32);
    return std::to_string(static_cast<int32_t>(signal));
}

std::string list_text(char before, const std::vector<std::string>& items, char after) {
    std::string text(1, before);
    for (size_t i = 0; i < items.size(); ++i)
        text += (i == 0 ? "" : ", ") + items[i];
    return text + after;
}

std::string array_at(const Context& context, uint64_t place, uint64_t count, uint32_t item_size,
                     const std::function<std::optional<std::string>(uint64_t)>& item) {
    if (place == 0)
        return "NULL";
    if (count > (UINT64_MAX - place) / item_size)
        return address_text(place);
    std::vector<std::string> items;
    for (uint64_t i = 0; i < count; ++i) {
        if (i >= context.options().string_limit) {
            items.push_back("...");
            break;
        }
        const uint64_t at = place + i * item_size;
        auto text = item(at);
        if (!text && i == 0)
            return address_text(place);
        items.push_back(text ? std::move(*text) : "... /* " + address_text(at) + " */");
        if (!text)
            break;
    }
    return list_text('[', items, ']');
}

std::string hex_quoted(std::span<const std::byte> bytes) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text = "\"";
    for (const std::byte byte : bytes) {
        text += "\\x";
        text += digits[std::to_integer<unsigned>(byte) >> 4];
        text += digits[std::to_integer<unsigned>(byte) & 15];
    }
    return text + '"';
}

std::string string_at(const Context& context, uint64_t address, uint64_t limit) {
    if (address == 0)
        return "NULL";
    limit = std::min(limit, max_string);
    std::string text;
    // Page by page, because what follows the string may not be mapped. One byte beyond the limit tells
    // whether there is more.
    while (text.size() <= limit) {
        std::byte bytes[page];
        const uint64_t place = address + text.size();
        const uint64_t size = std::min(page - place % page, limit + 1 - text.size());
        if (!context.read(place, std::span(bytes, size)))
            return address_text(address);
        const auto* begin = reinterpret_cast<const char*>(bytes);
        const auto* end = std::find(begin, begin + size, '\0');
        text.append(begin, end);
        if (end != begin + size)
            return quoted(text);
    }
    text.resize(limit);
    return quoted(text) + "...";
}

std::string bytes_at(const Context& context, uint64_t address, uint64_t size) {
    if (address == 0)
        return "NULL";
    std::vector<std::byte> bytes(std::min<uint64_t>(size, context.options().string_limit));
    if (!context.read(address, bytes))
        return address_text(address);
    return quoted(bytes) + (size > bytes.size() ? "..." : "");
}

std::optional<std::string> value_at(const Context& context, uint64_t address, uint32_t size,
                                    const Notation& notation) {
    Value value{0, address, size};
    if (size <= 8) {
        const auto raw = context.read_unsigned(address, size);
        if (!raw)
            return std::nullopt;
        value.raw = *raw;
    }
    return notation.value(context, value, notation);
}

std::string structure_at(const Context& context, uint64_t address, const Layout& layout) {
    const auto abi = static_cast<size_t>(context.abi());
    std::vector<std::byte> whole(std::min<uint64_t>(layout.size[abi], page));
    if (!context.read(address, whole))
        return address_text(address);
    std::vector<std::string> members;
    for (const Field& field : layout.fields) {
        const auto text = value_at(context, address + field.offset[abi], field.size[abi], field.notation);
        if (!text)
            return address_text(address);
        if (!text->empty())
            members.push_back(std::string(field.label) + "=" + *text);
    }
    return list_text('{', members, '}');
}

std::string described(const std::string& what) {
    static constexpr std::string_view deleted = " (deleted)";
    if (what.empty())
        return {};
    const bool is_deleted = what.ends_with(deleted);
    const std::string_view path(what.data(), what.size() - (is_deleted ? deleted.size() : 0));
    std::string text = "<";
    for (size_t i = 0; i < path.size(); ++i) {
        const auto next = i + 1 < path.size() ? path[i + 1] : '\0';
        append_escaped(text, static_cast<unsigned char>(path[i]), next >= '0' && next <= '7', true);
    }
    return text + (is_deleted ? ">(deleted)" : ">");
}

std::string fd_text(const Context& context, int64_t fd) {
    std::string text = std::to_string(fd);
    if (context.options().describe_fd && fd >= 0)
        text += described(context.options().describe_fd(fd));
    return text;
}

}  // namespace panda::syscalls
