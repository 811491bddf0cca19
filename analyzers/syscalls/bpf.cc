// bpf: a command, and a union of structures that grow from kernel to kernel.
#include <algorithm>

#include "analyzers/syscalls/notation.h"
#include "analyzers/syscalls/tables.h"
#include "analyzers/syscalls/text.h"
#include "common/hex.h"

namespace panda::syscalls::notation {
namespace {

constexpr uint64_t max_size = 4096;  // a page is the most that the kernel takes

// Whether any byte is not zero.
bool is_more(const Context& context, uint64_t place, uint64_t size) {
    std::vector<std::byte> bytes(size);
    return context.read(place, bytes) &&
           std::any_of(bytes.begin(), bytes.end(), [](std::byte byte) { return byte != std::byte{0}; });
}

// The members that begin within `size` bytes, and ... if there is more beyond them. The rest of a member is
// zero to the kernel.
std::string attributes_at(const Context& context, uint64_t place, uint64_t size, const Layout& layout) {
    const auto abi = static_cast<size_t>(context.abi());
    std::vector<std::string> members;
    uint64_t shown = 0;
    for (const Field& field : layout.fields) {
        if (field.offset[abi] >= size)
            break;
        const auto text = value_at(context, place + field.offset[abi], field.size[abi], field.notation);
        if (!text)
            return address_text(place);
        members.push_back(std::string(field.label) + "=" + *text);
        shown = std::max<uint64_t>(shown, field.offset[abi] + field.size[abi]);
    }
    if (shown < size && is_more(context, place + shown, size - shown))
        members.push_back("...");
    return list_text('{', members, '}');
}

}  // namespace

std::optional<std::string> bpf_attributes(Context& context, const Notation& notation) {
    const uint64_t place = context.argument(notation);
    const uint64_t size = context.argument_at(notation.numbers[0]) & 0xffff'ffff;
    if (place == 0 || size == 0 || size > max_size)
        return address_text(place);
    return attributes_at(context, place, size, *notation.layout);
}

// {start_id, next_id, open_flags}: the kernel writes the second one.
std::optional<std::string> bpf_next(Context& context, const Notation& notation) {
    const uint64_t place = context.argument(notation);
    const auto next = context.read_unsigned(place + 4, 4);
    if (context.at_entry()) {
        context.kept[notation.position] = next.value_or(0);
        return place != 0 && next ? std::nullopt : bpf_attributes(context, notation);
    }
    std::string text = bpf_attributes(context, notation).value_or("");
    const uint64_t before = context.kept[notation.position];
    if (!next || *next == before)
        return text;
    const std::string now = "next_id=" + std::to_string(*next);
    if (const size_t found = text.find(now); found != std::string::npos)
        text.replace(found, now.size(), "next_id=" + std::to_string(before) + " => " + std::to_string(*next));
    return text;
}

// include/uapi/linux/version.h: KERNEL_VERSION.
std::string kernel_version(const Context&, const Value& value, const Notation&) {
    return "KERNEL_VERSION(" + std::to_string(value.raw >> 16) + ", " +
           std::to_string(value.raw >> 8 & 0xff) + ", " + std::to_string(value.raw & 0xff) + ")";
}

}  // namespace panda::syscalls::notation
