// Sockets: addresses, options, messages.
#include <arpa/inet.h>

#include <algorithm>

#include "analyzers/syscalls/message_layout.h"
#include "analyzers/syscalls/notation.h"
#include "analyzers/syscalls/tables.h"
#include "analyzers/syscalls/text.h"
#include "common/hex.h"

namespace panda::syscalls::notation {
namespace {

constexpr uint64_t family_unix = 1, family_inet = 2, family_inet6 = 10, family_netlink = 16;
constexpr uint64_t max_address = 128;  // struct sockaddr_storage

template <typename T>
T field(std::span<const std::byte> bytes, size_t offset) {
    T value{};
    if (offset + sizeof value <= bytes.size())
        std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), sizeof value,
                    reinterpret_cast<std::byte*>(&value));
    return value;
}

// struct sockaddr_un: the path ends with a zero, or with the address; one that begins with a zero is
// abstract.
std::string unix_text(std::span<const std::byte> bytes) {
    if (bytes.size() <= 2)
        return "{sa_family=AF_UNIX}";
    constexpr size_t max_path = 108;
    auto path = bytes.subspan(2, std::min(bytes.size() - 2, max_path));
    if (path.front() == std::byte{0})
        return "{sa_family=AF_UNIX, sun_path=@" + quoted(path.subspan(1)) + "}";
    const auto end = std::find(path.begin(), path.end(), std::byte{0});
    return "{sa_family=AF_UNIX, sun_path=" + quoted(std::span(path.begin(), end)) + "}";
}

std::string inet_text(std::span<const std::byte> bytes) {
    char text[INET_ADDRSTRLEN];
    const auto host = field<in_addr>(bytes, 4);
    return "{sa_family=AF_INET, sin_port=htons(" + std::to_string(ntohs(field<uint16_t>(bytes, 2))) +
           "), sin_addr=inet_addr(\"" + inet_ntop(AF_INET, &host, text, sizeof text) + "\")}";
}

std::string inet6_text(std::span<const std::byte> bytes) {
    char text[INET6_ADDRSTRLEN];
    const auto host = field<in6_addr>(bytes, 8);
    const auto flow = field<uint32_t>(bytes, 4);
    return "{sa_family=AF_INET6, sin6_port=htons(" + std::to_string(ntohs(field<uint16_t>(bytes, 2))) +
           "), sin6_flowinfo=htonl(" + std::to_string(ntohl(flow)) + "), inet_pton(AF_INET6, \"" +
           inet_ntop(AF_INET6, &host, text, sizeof text) +
           "\", &sin6_addr), sin6_scope_id=" + std::to_string(field<uint32_t>(bytes, 24)) + "}";
}

std::string netlink_text(const Context&, std::span<const std::byte> bytes) {
    char groups[16];
    std::snprintf(groups, sizeof groups, "%#08x", field<uint32_t>(bytes, 8));
    return "{sa_family=AF_NETLINK, nl_pid=" + std::to_string(field<int32_t>(bytes, 4)) +
           ", nl_groups=" + groups + "}";
}

std::string socket_address_at(const Context& context, uint64_t place, uint64_t size) {
    if (place == 0)
        return "NULL";
    std::vector<std::byte> bytes(std::min(size, max_address));
    if (size < 2 || !context.read(place, bytes))
        return address_text(place);
    const auto family = field<uint16_t>(bytes, 0);
    if (family == family_unix)
        return unix_text(bytes);
    if (family == family_inet && bytes.size() >= 16)
        return inet_text(bytes);
    if (family == family_inet6 && bytes.size() >= 28)
        return inet6_text(bytes);
    if (family == family_netlink && bytes.size() >= 12)
        return netlink_text(context, bytes);
    std::string text = "{sa_family=" + one_text(address_family_constants(), context.abi(), family);
    if (bytes.size() > 2)
        text += ", sa_data=" + quoted(std::span(bytes).subspan(2));
    return text + "}";
}

std::string socket_type_text(const Context& context, uint64_t value) {
    constexpr uint64_t type_mask = 0xf;
    const Family& flags = socket_flags_constants();
    const char* type = constant_name(socket_type_constants(), context.abi(), value & type_mask);
    if (type == nullptr)
        return flags_text(flags, context.abi(), value);
    const uint64_t rest = value & ~type_mask;
    return rest == 0 ? type : type + ("|" + more_flags_text(flags, context.abi(), rest));
}

// The constants of a level's options; null for levels without a table.
const Family* options_of(uint64_t level) {
    switch (level) {
        case 0:
            return &ip_option_constants();
        case 1:
            return &socket_option_constants();
        case 6:
            return &tcp_option_constants();
        case 17:
            return &udp_option_constants();
        case 41:
            return &ip6_option_constants();
        case 270:
            return &netlink_option_constants();
        default:
            return nullptr;
    }
}

std::string option_name(const Context& context) {
    const Family* family = options_of(context.argument_at(1) & 0xffff'ffff);
    const char* name =
        family ? constant_name(*family, context.abi(), context.argument_at(2) & 0xffff'ffff) : nullptr;
    return name ? name : "";
}

// The value of an option by what its name tells; else a number, or the bytes.
std::string option_value(const Context& context, uint64_t place, uint64_t size) {
    const std::string name = option_name(context);
    const bool socket_level = (context.argument_at(1) & 0xffff'ffff) == 1;
    const Abi abi = context.abi();
    if (place == 0)
        return "NULL";
    if (socket_level && name == "SO_LINGER" && size >= 8)
        return structure_at(context, place, linger_layout());
    if (socket_level && (name == "SO_RCVTIMEO_OLD" || name == "SO_SNDTIMEO_OLD") &&
        size >= timeval_layout().size_in(abi))
        return structure_at(context, place, timeval_layout());
    if (socket_level && name == "SO_PEERCRED" && size >= 12)
        return structure_at(context, place, ucred_layout());
    if (socket_level && name == "SO_PEERGROUPS" && size >= 4)
        return array_at(context, place, size / 4, 4, [&](uint64_t at) -> std::optional<std::string> {
            const auto group = context.read_unsigned(at, 4);
            return group ? std::optional(std::to_string(*group)) : std::nullopt;
        });
    if (socket_level && name == "SO_BINDTODEVICE")
        return string_at(context, place, size);
    if (name == "TCP_CONGESTION" || name == "TCP_ULP")
        return string_at(context, place, size);
    if (size != 4)
        return bytes_at(context, place, size);
    const auto number = context.read_signed(place, 4);
    if (!number)
        return address_text(place);
    const auto value = static_cast<uint64_t>(*number) & 0xffff'ffff;
    if (socket_level && name == "SO_TYPE")
        return "[" + socket_type_text(context, value) + "]";
    if (socket_level && name == "SO_DOMAIN")
        return "[" + one_text(address_family_constants(), abi, value) + "]";
    if (socket_level && name == "SO_PROTOCOL")
        return "[" + one_text(ip_protocol_constants(), abi, value) + "]";
    if (socket_level && name == "SO_ERROR") {
        const char* error = constant_name(errno_constants(), abi, value);
        return error && value != 0 ? "[" + std::string(error) + "]" : "[" + std::to_string(*number) + "]";
    }
    return "[" + std::to_string(*number) + "]";
}

// struct msghdr, see message_layout.h.
struct Message {
    uint64_t name, name_size, vectors, vector_count, control, control_size, flags;
};

std::optional<Message> message_at(const Context& context, uint64_t place) {
    const unsigned word = context.word_size();
    std::array<uint64_t, message_words> words;
    for (size_t i = 0; i < words.size(); ++i) {
        const auto value = context.read_unsigned(place + i * word, i == 1 || i == 6 ? 4 : word);
        if (!value)
            return std::nullopt;
        words[i] = *value;
    }
    return Message{words[0], words[1], words[2], words[3], words[4], words[5], words[6]};
}

// Control messages: struct cmsghdr { size_t len; int level; int type; data }, each aligned to a word.
std::string control_text(const Context& context, uint64_t place, uint64_t size) {
    constexpr uint64_t max_control = 4096;
    const unsigned word = context.word_size();
    const unsigned header = word + 8;
    std::vector<std::string> items;
    for (uint64_t offset = 0; offset + header <= std::min(size, max_control);) {
        const auto length = context.read_unsigned(place + offset, word);
        const auto level = context.read_unsigned(place + offset + word, 4);
        const auto type = context.read_unsigned(place + offset + word + 4, 4);
        if (!length || !level || !type || *length < header || *length > size - offset)
            break;
        std::string text = "{cmsg_len=" + std::to_string(*length) +
                           ", cmsg_level=" + one_text(socket_level_constants(), context.abi(), *level);
        const uint64_t data = place + offset + header;
        const uint64_t data_size = *length - header;
        if (*level == 1 && *type == 1) {
            std::vector<std::string> fds;
            for (uint64_t i = 0; i + 4 <= data_size; i += 4)
                fds.push_back(fd_text(context, context.read_signed(data + i, 4).value_or(-1)));
            text += ", cmsg_type=SCM_RIGHTS, cmsg_data=" + list_text('[', fds, ']');
        } else if (*level == 1 && *type == 2) {
            text += ", cmsg_type=SCM_CREDENTIALS, cmsg_data=" + structure_at(context, data, ucred_layout());
        } else {
            text += ", cmsg_type=" + hex(*type);
            if (data_size > 0)
                text += ", cmsg_data=" + bytes_at(context, data, data_size);
        }
        items.push_back(text + "}");
        offset += (*length + word - 1) / word * word;
    }
    return items.empty() ? address_text(place) : list_text('[', items, ']');
}

// `moved`: bytes that the call received or sent; it fills the vectors in order.
std::string message_text(Context& context, uint64_t place, uint64_t moved, bool received) {
    const auto message = message_at(context, place);
    if (!message)
        return address_text(place);
    constexpr uint64_t max_vectors = 1024;
    std::string text = "{msg_name=" + socket_address_at(context, message->name, message->name_size) +
                       ", msg_namelen=" + std::to_string(static_cast<int32_t>(message->name_size)) +
                       ", msg_iov=";
    const unsigned word = context.word_size();
    const auto fd = static_cast<int32_t>(context.argument_at(0));
    std::vector<std::string> items;
    for (uint64_t i = 0; i < std::min(message->vector_count, max_vectors); ++i) {
        const auto base = context.read_word(message->vectors + i * 2 * word);
        const auto size = context.read_word(message->vectors + i * 2 * word + word);
        if (!base || !size)
            break;
        const uint64_t filled = std::min(*size, moved);
        moved -= filled;
        items.push_back("{iov_base=" + sent_at(context, fd, *base, filled) +
                        ", iov_len=" + std::to_string(*size) + "}");
    }
    const bool shown = !items.empty() || message->vector_count == 0;
    text += message->vectors == 0 ? "NULL"
            : shown               ? list_text('[', items, ']')
                                  : address_text(message->vectors);
    text += ", msg_iovlen=" + std::to_string(message->vector_count);
    if (message->control_size != 0)
        text += ", msg_control=" + control_text(context, message->control, message->control_size);
    text += ", msg_controllen=" + std::to_string(message->control_size);
    text += ", msg_flags=" +
            flags_text(message_flags_constants(), context.abi(), received ? message->flags : message->flags);
    return text + "}";
}

std::string messages_text(Context& context, const Notation& notation, uint64_t count, bool received) {
    const uint64_t place = context.argument(notation);
    if (place == 0)
        return "NULL";
    std::vector<std::string> items;
    const uint64_t step = message_step(context.abi());
    for (uint64_t i = 0; i < std::min<uint64_t>(count, context.options().string_limit); ++i) {
        const auto size = context.read_unsigned(place + i * step + message_size(context.abi()), 4);
        const std::string text =
            message_text(context, place + i * step, received ? size.value_or(0) : UINT64_MAX, received);
        if (!size || text.front() != '{')
            return address_text(place);
        // The kernel writes the lengths of those that it sent or received.
        const bool moved = !context.without_output();
        items.push_back("{msg_hdr=" + text + (moved ? ", msg_len=" + std::to_string(*size) : "") + "}");
    }
    return list_text('[', items, ']');
}

// The length of an out_address's buffer: a pointer in the argument after it. Kept at the entry, by register.
uint64_t length_before(const Context& context, size_t index) {
    return context.kept[std::min<size_t>(index, 5)];
}

}  // namespace

std::optional<std::string> in_address(Context& context, const Notation& notation) {
    return socket_address_at(context, context.argument(notation),
                             context.argument_at(notation.numbers[0]) & 0xffff'ffff);
}

std::optional<std::string> out_address(Context& context, const Notation& notation) {
    const uint64_t place = context.argument(notation);
    const uint64_t length = context.argument_at(notation.numbers[0]);
    if (context.at_entry())
        return std::nullopt;
    const auto size = context.read_unsigned(length, 4);
    if (context.without_output() || place == 0 || !size)
        return address_text(place);
    return socket_address_at(context, place, std::min(*size, length_before(context, notation.position + 1)));
}

// [before => after], or only [before] where both are the same.
std::optional<std::string> out_length(Context& context, const Notation& notation) {
    const uint64_t place = context.argument(notation);
    const auto length = context.read_signed(place, 4);
    if (context.at_entry()) {
        context.kept[notation.position] = length ? static_cast<uint64_t>(*length) : 0;
        return std::nullopt;
    }
    if (place == 0)
        return "NULL";
    // Without an address the length is not looked at.
    const bool address_is_null =
        context.argument_at(notation.position - size_t{1}) == 0 && context.call().name() != "getsockopt";
    if (!length || address_is_null)
        return address_text(place);
    const auto before = static_cast<int64_t>(context.kept[notation.position]);
    if (context.without_output() || before == *length)
        return "[" + std::to_string(before) + "]";
    return "[" + std::to_string(before) + " => " + std::to_string(*length) + "]";
}

std::optional<std::string> socket_type(Context& context, const Notation& notation) {
    return socket_type_text(context, context.argument(notation) & 0xffff'ffff);
}

std::optional<std::string> socket_protocol(Context& context, const Notation& notation) {
    const uint64_t family = context.argument_at(notation.numbers[0]) & 0xffff'ffff;
    const uint64_t value = context.argument(notation) & 0xffff'ffff;
    if (family == family_inet || family == family_inet6)
        return one_text(ip_protocol_constants(), context.abi(), value);
    if (family == family_netlink)
        return one_text(netlink_protocol_constants(), context.abi(), value);
    return std::to_string(value);
}

std::optional<std::string> socket_option(Context& context, const Notation& notation) {
    const uint64_t value = context.argument(notation) & 0xffff'ffff;
    const Family* family = options_of(context.argument_at(notation.numbers[0]) & 0xffff'ffff);
    return family ? one_text(*family, context.abi(), value) : std::to_string(value);
}

std::optional<std::string> in_socket_option(Context& context, const Notation& notation) {
    return option_value(context, context.argument(notation),
                        context.argument_at(notation.numbers[0]) & 0xffff'ffff);
}

std::optional<std::string> out_socket_option(Context& context, const Notation& notation) {
    if (context.at_entry())
        return std::nullopt;
    const uint64_t place = context.argument(notation);
    const auto size = context.read_unsigned(context.argument_at(notation.numbers[0]), 4);
    return context.without_output() || !size || *size == 0 ? address_text(place)
                                                           : option_value(context, place, *size);
}

std::optional<std::string> in_message(Context& context, const Notation& notation) {
    return message_text(context, context.argument(notation), UINT64_MAX, false);
}

std::optional<std::string> out_message(Context& context, const Notation& notation) {
    const uint64_t place = context.argument(notation);
    if (context.at_entry()) {
        const auto message = message_at(context, place);
        context.kept[notation.position] = message ? message->name_size : 0;
        return std::nullopt;
    }
    if (context.without_output()) {
        const auto message = message_at(context, place);
        return message ? "{msg_namelen=" + std::to_string(static_cast<int32_t>(message->name_size)) + "}"
                       : address_text(place);
    }
    return message_text(context, place, static_cast<uint64_t>(context.result().value), true);
}

std::optional<std::string> in_messages(Context& context, const Notation& notation) {
    // The kernel writes the lengths.
    if (context.at_entry())
        return std::nullopt;
    if (context.without_output())
        return messages_text(context, notation, context.argument_at(notation.numbers[0]) & 0xffff'ffff,
                             false);
    return messages_text(context, notation, static_cast<uint64_t>(context.result().value), false);
}

std::optional<std::string> out_messages(Context& context, const Notation& notation) {
    if (context.at_entry())
        return std::nullopt;
    if (context.without_output())
        return address_text(context.argument(notation));
    return messages_text(context, notation, static_cast<uint64_t>(context.result().value), true);
}

}  // namespace panda::syscalls::notation
