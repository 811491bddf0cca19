// Handles of files, fanotify, swap.
#include <algorithm>

#include "analyzers/syscalls/notation.h"
#include "analyzers/syscalls/tables.h"
#include "analyzers/syscalls/text.h"
#include "common/hex.h"

namespace panda::syscalls::notation {
namespace {

// struct file_handle { handle_bytes; handle_type; f_handle[] }.
constexpr uint64_t header_size = 8;

std::string handle_bytes(const Context& context, uint64_t place, uint64_t size) {
    constexpr uint64_t max_handle = 128;  // MAX_HANDLE_SZ
    std::vector<std::byte> bytes(std::min(size, max_handle));
    if (!context.read(place + header_size, bytes))
        return "???";
    return hex_quoted(bytes) + (size > bytes.size() ? "..." : "");
}

}  // namespace

// {handle_bytes=given => written, handle_type=…, f_handle=…}
std::optional<std::string> out_file_handle(Context& context, const Notation& notation) {
    constexpr int64_t eoverflow = 75;
    const uint64_t place = context.argument(notation);
    const auto size = context.read_unsigned(place, 4);
    const auto type = context.read_signed(place + 4, 4);
    if (place == 0 || !size || !type)
        return address_text(place);
    if (context.at_entry()) {
        context.kept[notation.position] = *size;
        return std::nullopt;
    }
    const uint64_t before = context.kept[notation.position];
    const bool is_written = !context.without_output();
    std::string text = "{handle_bytes=" + std::to_string(before);
    if ((is_written || context.result().value == -eoverflow) && *size != before)
        text += " => " + std::to_string(*size);
    if (is_written)
        text +=
            ", handle_type=" + std::to_string(*type) + ", f_handle=" + handle_bytes(context, place, *size);
    return text + "}";
}

std::optional<std::string> in_file_handle(Context& context, const Notation& notation) {
    const uint64_t place = context.argument(notation);
    const auto size = context.read_unsigned(place, 4);
    const auto type = context.read_signed(place + 4, 4);
    if (place == 0 || !size || !type)
        return address_text(place);
    return "{handle_bytes=" + std::to_string(*size) + ", handle_type=" + std::to_string(*type) +
           ", f_handle=" + handle_bytes(context, place, *size) + "}";
}

// A class, and flags beside it.
std::optional<std::string> fanotify_flags(Context& context, const Notation& notation) {
    constexpr uint64_t class_mask = 0xc;
    const uint64_t value = context.argument(notation) & 0xffff'ffff;
    std::string text = one_text(fanotify_class_constants(), context.abi(), value & class_mask);
    if ((value & ~class_mask) != 0)
        text += "|" + flags_text(fanotify_init_constants(), context.abi(), value & ~class_mask);
    return text;
}

// A directory's descriptor; -1 means that there is no directory.
std::string mark_dirfd(const Context& context, const Value& value, const Notation& notation) {
    return static_cast<int32_t>(value.raw) == -1 ? "FAN_NOFD" : dirfd(context, value, notation);
}

// include/linux/swap.h: the lower 15 bits are a priority.
std::optional<std::string> swap_flags(Context& context, const Notation& notation) {
    constexpr uint64_t priority_mask = 0x7fff;
    const uint64_t value = context.argument(notation) & 0xffff'ffff;
    const uint64_t flags = value & ~priority_mask;
    const std::string priority = std::to_string(value & priority_mask);
    return flags == 0 ? priority : flags_text(swap_flags_constants(), context.abi(), flags) + "|" + priority;
}

}  // namespace panda::syscalls::notation
