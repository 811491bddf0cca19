#include "analyzers/syscalls/netlink_attributes.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

#include "analyzers/syscalls/tables.h"
#include "analyzers/syscalls/text.h"
#include "common/hex.h"

namespace panda::syscalls::netlink {
namespace {

// struct nlattr (include/uapi/linux/netlink.h): its length and type, 2 bytes each. Two bits of the type are flags.
constexpr uint64_t header_size = 4;
constexpr uint16_t flag_nested = 0x8000, flag_network_order = 0x4000;

// What numbers and the like have in common: the value, if it is there; the address where it should be otherwise.
template <typename Write>
std::optional<std::string> value_text(const Context& context, const Payload& payload, unsigned size,
                                      Write&& write) {
    if (payload.size < size)
        return std::nullopt;
    const auto value = context.read_unsigned(payload.place, size);
    return value ? write(*value) : address_text(payload.place);
}

std::optional<std::string> number_text(const Context& context, const Payload& payload, unsigned size) {
    return value_text(context, payload, size, [](uint64_t value) { return std::to_string(value); });
}

struct Array {
    unsigned size;  // of a number
    bool is_signed = false;
    uint64_t first = 0;  // the constant that stands for index 0
};

// Numbers, each with its index by name.
std::optional<std::string> array_text(const Context& context, const Payload& payload,
                                      const Attribute& attribute, const Array& array) {
    if (payload.size < array.size)
        return std::nullopt;
    uint64_t index = array.first;
    return array_at(
        context, payload.place, payload.size / array.size, array.size,
        [&](uint64_t place) -> std::optional<std::string> {
            const auto value = context.read_signed(place, array.size);
            if (!value)
                return std::nullopt;
            std::string text = "[" + one_text(attribute.family(), context.abi(), index++);
            text += array.first == 0 ? "]=" : "-" + std::to_string(array.first) + "]=";
            const auto mask = array.size == 8 ? ~uint64_t{0} : (uint64_t{1} << 8 * array.size) - 1;
            return text + (array.is_signed ? std::to_string(*value)
                                           : std::to_string(static_cast<uint64_t>(*value) & mask));
        });
}

const Attribute* find(const AttributeSet& set, uint16_t type) {
    const auto found = std::ranges::find(set.attributes, type, &Attribute::type);
    return found == set.attributes.end() ? nullptr : &*found;
}

std::string attribute_text(const Context& context, uint64_t place, uint64_t size, uint16_t length,
                           uint16_t type, const AttributeSet& set, uint8_t family) {
    std::string head = "{nla_len=" + std::to_string(length) + ", nla_type=";
    if ((type & flag_nested) != 0)
        head += "NLA_F_NESTED|";
    if ((type & flag_network_order) != 0)
        head += "NLA_F_NET_BYTEORDER|";
    const auto number = static_cast<uint16_t>(type & ~(flag_nested | flag_network_order));
    head += one_text(set.names(), context.abi(), number) + "}";
    const uint64_t whole = std::min<uint64_t>(length, size);
    if (whole <= header_size)
        return head;
    const Payload payload{place + header_size, whole - header_size, number, family};
    std::optional<std::string> value;
    if (const Attribute* attribute = find(set, number))
        value = attribute->write(context, payload, *attribute);
    return "[" + head + ", " + (value ? *value : hex_at(context, payload.place, payload.size)) + "]";
}

}  // namespace

std::string attributes_text(const Context& context, uint64_t place, uint64_t size, const AttributeSet& set,
                            uint8_t family) {
    std::vector<std::string> items;
    bool more = true;
    while (more) {
        more = false;
        if (items.size() >= context.options().string_limit) {
            items.push_back("...");
        } else if (size < header_size) {
            items.push_back(hex_at(context, place, size));
        } else if (const auto head = context.read_unsigned(place, header_size)) {
            const auto length = static_cast<uint16_t>(*head);
            items.push_back(attribute_text(context, place, size, length, static_cast<uint16_t>(*head >> 16),
                                           set, family));
            const uint64_t step = (uint64_t{length} + 3) & ~uint64_t{3};
            more = length >= header_size && step < size;
            place += step;
            size -= std::min(step, size);
        } else {
            items.push_back(items.empty() ? address_text(place) : "... /* " + address_text(place) + " */");
        }
    }
    return items.size() == 1 ? items.front() : list_text('[', items, ']');
}

std::optional<std::string> u8(const Context& context, const Payload& payload, const Attribute&) {
    return number_text(context, payload, 1);
}

std::optional<std::string> u16(const Context& context, const Payload& payload, const Attribute&) {
    return number_text(context, payload, 2);
}

std::optional<std::string> u32(const Context& context, const Payload& payload, const Attribute&) {
    return number_text(context, payload, 4);
}

std::optional<std::string> u64(const Context& context, const Payload& payload, const Attribute&) {
    return number_text(context, payload, 8);
}

std::optional<std::string> s32(const Context& context, const Payload& payload, const Attribute&) {
    return value_text(context, payload, 4,
                      [](uint64_t value) { return std::to_string(static_cast<int32_t>(value)); });
}

// Its last zero is not shown; without one, it seems to go on.
std::optional<std::string> text(const Context& context, const Payload& payload, const Attribute&) {
    const uint64_t limit = context.options().string_limit;
    std::vector<std::byte> bytes(std::min<uint64_t>(payload.size, limit + 1));
    if (!context.read(payload.place, bytes))
        return address_text(payload.place);
    const bool ends = bytes.back() == std::byte{0} && bytes.size() == payload.size;
    if (ends)
        bytes.pop_back();
    const bool cut = !ends || bytes.size() > limit;
    bytes.resize(std::min<uint64_t>(bytes.size(), limit));
    return quoted(bytes) + (cut ? "..." : "");
}

std::optional<std::string> interface(const Context& context, const Payload& payload, const Attribute&) {
    return value_text(context, payload, 4,
                      [&](uint64_t value) { return interface_text(context, static_cast<uint32_t>(value)); });
}

std::optional<std::string> address(const Context& context, const Payload& payload, const Attribute&) {
    const bool wide = payload.address == AF_INET6;
    const size_t size = wide ? 16 : 4;
    if ((!wide && payload.address != AF_INET) || payload.size < size)
        return std::nullopt;
    std::array<std::byte, 16> bytes;
    if (!context.read(payload.place, std::span(bytes).first(size)))
        return address_text(payload.place);
    return inet_address_text(payload.address, bytes.data());
}

std::optional<std::string> hardware_address(const Context& context, const Payload& payload,
                                            const Attribute&) {
    constexpr uint64_t most = 32;  // MAX_ADDR_LEN
    if (payload.size > most)
        return std::nullopt;
    std::vector<std::byte> bytes(payload.size);
    if (!context.read(payload.place, bytes))
        return address_text(payload.place);
    std::string result;
    for (const std::byte byte : bytes) {
        char two[4];
        std::snprintf(two, sizeof two, "%02x", std::to_integer<unsigned>(byte));
        result += (result.empty() ? "" : ":") + std::string(two);
    }
    return result;
}

std::optional<std::string> one8(const Context& context, const Payload& payload, const Attribute& attribute) {
    return value_text(context, payload, 1,
                      [&](uint64_t value) { return one_text(attribute.family(), context.abi(), value); });
}

std::optional<std::string> one(const Context& context, const Payload& payload, const Attribute& attribute) {
    if (payload.size > 8)
        return std::nullopt;
    return value_text(context, payload, static_cast<unsigned>(payload.size),
                      [&](uint64_t value) { return one_text(attribute.family(), context.abi(), value); });
}

std::optional<std::string> flags32(const Context& context, const Payload& payload,
                                   const Attribute& attribute) {
    return value_text(context, payload, 4,
                      [&](uint64_t value) { return flags_text(attribute.family(), context.abi(), value); });
}

std::optional<std::string> route_table(const Context& context, const Payload& payload, const Attribute&) {
    return value_text(context, payload, 4, [&](uint64_t value) { return route_table_text(context, value); });
}

std::optional<std::string> structure(const Context& context, const Payload& payload,
                                     const Attribute& attribute) {
    const Layout& layout = attribute.layout();
    if (payload.size < layout.size_in(context.abi()))
        return std::nullopt;
    return structure_at(context, payload.place, layout);
}

std::optional<std::string> nested(const Context& context, const Payload& payload,
                                  const Attribute& attribute) {
    return attributes_text(context, payload.place, payload.size, *attribute.inner, payload.address);
}

std::optional<std::string> indexed32(const Context& context, const Payload& payload,
                                     const Attribute& attribute) {
    return array_text(context, payload, attribute, {.size = 4});
}

std::optional<std::string> signed_indexed32(const Context& context, const Payload& payload,
                                            const Attribute& attribute) {
    return array_text(context, payload, attribute, {.size = 4, .is_signed = true});
}

std::optional<std::string> indexed64(const Context& context, const Payload& payload,
                                     const Attribute& attribute) {
    return array_text(context, payload, attribute, {.size = 8});
}

std::optional<std::string> counted32(const Context& context, const Payload& payload,
                                     const Attribute& attribute) {
    return array_text(context, payload, attribute, {.size = 4, .is_signed = true, .first = 1});
}

std::optional<std::string> full_words(const Context& context, const Payload& payload, const Attribute&) {
    const unsigned size = context.word_size();
    if (payload.size < size)
        return std::nullopt;
    return array_at(context, payload.place, payload.size / size, size,
                    [&](uint64_t at) -> std::optional<std::string> {
                        const auto value = context.read_word(at);
                        return value ? std::optional(full_word_text(*value, size)) : std::nullopt;
                    });
}

std::optional<std::string> octets(const Context& context, const Payload& payload, const Attribute&) {
    return array_at(context, payload.place, payload.size, 1, [&](uint64_t at) -> std::optional<std::string> {
        const auto value = context.read_unsigned(at, 1);
        return value ? std::optional(std::to_string(*value)) : std::nullopt;
    });
}

std::optional<std::string> words(const Context& context, const Payload& payload, const Attribute&) {
    if (payload.size < 4)
        return std::nullopt;
    return array_at(context, payload.place, payload.size / 4, 4,
                    [&](uint64_t place) -> std::optional<std::string> {
                        const auto value = context.read_unsigned(place, 4);
                        return value ? std::optional(std::to_string(*value)) : std::nullopt;
                    });
}

}  // namespace panda::syscalls::netlink
