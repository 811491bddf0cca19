// Attributes of netlink messages: what each set of them has, and how strace writes them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "analyzers/syscalls/context.h"
#include "analyzers/syscalls/description.h"

namespace panda::syscalls::netlink {

struct Attribute;

// The payload of an attribute in the program's memory.
struct Payload {
    uint64_t place = 0;
    uint64_t size = 0;
    uint16_t type = 0;    // of the attribute
    uint8_t address = 0;  // family of addresses (AF_…) that the message is about
};

// Returns the text of a payload; nothing if it does not have the size that it should have.
using WriterFunction = std::optional<std::string>(const Context& context, const Payload& payload,
                                                  const Attribute& attribute);

struct AttributeSet;

// What follows after `write` is for writers that need it.
struct Attribute {
    uint16_t type;
    WriterFunction* write;
    const Family& (*family)() = nullptr;  // of constants
    const Layout& (*layout)() = nullptr;
    const AttributeSet* inner = nullptr;
};

// Attributes that it does not have are written as bytes.
struct AttributeSet {
    const Family& (*names)();
    std::span<const Attribute> attributes;
};

// The attributes in these bytes: [{nla_len=…, nla_type=…}, value], or several of these.
std::string attributes_text(const Context& context, uint64_t place, uint64_t size, const AttributeSet& set,
                            uint8_t address);

// The writers: numbers of 1, 2, 4 and 8 bytes, and with a sign.
WriterFunction u8, u16, u32, u64, s32;
WriterFunction text;              // "lo"
WriterFunction interface;         // if_nametoindex("lo")
WriterFunction address;           // inet_addr("127.0.0.1"), by the family of addresses
WriterFunction hardware_address;  // 02:fc:00:00:00:01
WriterFunction one8, one;         // one of the family's constants, in 1 byte or in as many as there are
WriterFunction flags32;           // a set of the family's constants, in 4 bytes
WriterFunction route_table;       // RT_TABLE_MAIN
WriterFunction structure;         // by the layout
WriterFunction nested;            // attributes, of the inner set
WriterFunction indexed32;         // numbers by the family's constants: [[SK_MEMINFO_RMEM_ALLOC]=0, …]
WriterFunction signed_indexed32;  // with a sign
WriterFunction indexed64;
WriterFunction counted32;   // with a sign, by constants that count from 1: [[IPV4_DEVCONF_FORWARDING-1]=0, …]
WriterFunction words;       // [1, 2]
WriterFunction full_words;  // words of the program, with all digits: [0x00000000000002]
WriterFunction octets;      // [1, 2], of a byte each

}  // namespace panda::syscalls::netlink
