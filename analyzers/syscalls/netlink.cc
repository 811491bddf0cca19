// Messages on netlink sockets: headers, errors, and several messages together.
#include <algorithm>

#include "analyzers/syscalls/netlink_attributes.h"
#include "analyzers/syscalls/netlink_payload.h"
#include "analyzers/syscalls/notation.h"
#include "analyzers/syscalls/tables.h"
#include "analyzers/syscalls/text.h"
#include "common/hex.h"

namespace panda::syscalls {
namespace {

// struct nlmsghdr (include/uapi/linux/netlink.h).
struct Header {
    uint32_t size;
    uint16_t type;
    uint16_t flags;
    uint32_t sequence;
    int32_t port;
};
constexpr uint64_t header_size = 16;
static_assert(sizeof(Header) == header_size);
constexpr uint16_t type_error = 2, type_done = 3;
constexpr uint16_t flag_capped = 0x100, flag_attributes = 0x200;

// What an error's text and place are (enum nlmsgerr_attrs).
constexpr netlink::Attribute error_rows[] = {{1, netlink::text}, {2, netlink::u32}, {3, netlink::octets}};
constexpr netlink::AttributeSet error_attributes{netlink_error_attribute_constants, error_rows};

std::optional<Header> header_at(const Context& context, uint64_t place) {
    Header header;
    return context.read(place, std::as_writable_bytes(std::span(&header, 1))) ? std::optional(header)
                                                                              : std::nullopt;
}

std::string header_text(Abi abi, uint32_t protocol, const Header& header) {
    std::string type, flags;
    if (header.type >= netlink::first_type) {
        type = netlink::type_text(abi, protocol, header.type);
        flags = netlink::message_flags_text(abi, protocol, header.type, header.flags);
    } else {
        type = one_text(netlink_type_constants(), abi, header.type);
        flags = flags_text(
            header.type == type_error ? netlink_error_flags_constants() : netlink_flags_constants(), abi,
            header.flags);
    }
    return "{nlmsg_len=" + std::to_string(header.size) + ", nlmsg_type=" + type + ", nlmsg_flags=" + flags +
           ", nlmsg_seq=" + std::to_string(header.sequence) + ", nlmsg_pid=" + std::to_string(header.port) +
           "}";
}

std::string message_text(const Context& context, uint32_t protocol, const Header& header, uint64_t place,
                         uint64_t size, unsigned depth);

// struct nlmsgerr: an error, and the message that it is about.
std::string error_message_text(const Context& context, uint32_t protocol, const Header& header,
                               uint64_t place, uint64_t size, unsigned depth) {
    const auto error = context.read_signed(place, 4);
    if (size < 4)
        return hex_at(context, place, size);
    if (!error)
        return address_text(place);
    const char* name =
        constant_name(errno_constants(), Abi::x86_64, static_cast<uint64_t>(*error < 0 ? -*error : *error));
    std::string text = "{error=";
    uint64_t end = size;  // of the message that the error is about; attributes follow it
    text += *error != 0 && name ? (*error < 0 ? "-" : "") + std::string(name) : std::to_string(*error);
    if (size > 4) {
        const auto inner = size - 4 >= header_size ? header_at(context, place + 4) : std::nullopt;
        text += ", msg=";
        if (!inner) {
            text += hex_at(context, place + 4, size - 4);
        } else {
            const uint64_t inside =
                std::min<uint64_t>((header.flags & flag_capped) != 0 ? header_size : inner->size, size - 4);
            text += message_text(context, protocol, *inner, place + 4, inside, depth + 1);
            end = 4 + ((inside + 3) & ~uint64_t{3});
        }
    }
    text += "}";
    if ((header.flags & flag_attributes) == 0 || end >= size)
        return text;
    return "[" + text + ", " +
           netlink::attributes_text(context, place + end, size - end, error_attributes, 0) + "]";
}

std::string payload_text(const Context& context, uint32_t protocol, const Header& header, uint64_t place,
                         uint64_t size, unsigned depth) {
    constexpr unsigned most = 4;  // messages about messages
    if (header.type == type_error && depth < most)
        return error_message_text(context, protocol, header, place, size, depth);
    if (header.type >= netlink::first_type)
        if (auto text = netlink::payload_text(context, protocol, header.type, header.flags, place, size))
            return *text;
    if (header.type == type_done && size == 4) {
        const auto number = context.read_signed(place, 4);
        return number ? std::to_string(*number) : address_text(place);
    }
    return hex_at(context, place, size);
}

std::string message_text(const Context& context, uint32_t protocol, const Header& header, uint64_t place,
                         uint64_t size, unsigned depth) {
    const uint64_t whole = std::min<uint64_t>(header.size, size);
    const std::string text = header_text(context.abi(), protocol, header);
    if (whole <= header_size)
        return text;
    return "[" + text + ", " +
           payload_text(context, protocol, header, place + header_size, whole - header_size, depth) + "]";
}

}  // namespace

std::string netlink_at(const Context& context, uint32_t protocol, uint64_t place, uint64_t size) {
    if (place == 0)
        return "NULL";
    // No kernel makes more in one call; a program's memory may hold anything.
    constexpr uint64_t most = uint64_t{1} << 20;
    size = std::min(size, most);
    std::vector<std::string> messages;
    while (true) {
        if (messages.size() >= context.options().string_limit) {
            messages.push_back("...");
            break;
        }
        if (size < header_size) {
            messages.push_back(hex_at(context, place, size));
            break;
        }
        const auto header = header_at(context, place);
        if (!header) {
            if (messages.empty())
                return address_text(place);
            messages.push_back("... /* " + address_text(place) + " */");
            break;
        }
        messages.push_back(message_text(context, protocol, *header, place, size, 0));
        const uint64_t step = (uint64_t{header->size} + 3) & ~uint64_t{3};
        if (header->size < header_size || step >= size)
            break;
        place += step;
        size -= step;
    }
    return messages.size() == 1 ? messages.front() : list_text('[', messages, ']');
}

std::string sent_at(const Context& context, int64_t fd, uint64_t place, uint64_t size) {
    constexpr uint32_t family_netlink = 16;
    const auto& socket = context.options().socket;
    const auto kind = socket ? socket(fd) : std::nullopt;
    return kind && kind->family == family_netlink ? netlink_at(context, kind->protocol, place, size)
                                                  : bytes_at(context, place, size);
}

namespace notation {

std::optional<std::string> in_sent(Context& context, const Notation& notation) {
    return sent_at(context, static_cast<int32_t>(context.argument_at(0)), context.argument(notation),
                   context.argument_at(notation.numbers[0]));
}

std::optional<std::string> out_received(Context& context, const Notation& notation) {
    if (context.at_entry())
        return std::nullopt;
    if (context.without_output())
        return address_text(context.argument(notation));
    return sent_at(context, static_cast<int32_t>(context.argument_at(0)), context.argument(notation),
                   static_cast<uint64_t>(context.result().value));
}

}  // namespace notation
}  // namespace panda::syscalls
