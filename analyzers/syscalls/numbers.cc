// Numbers and constants.
#include <algorithm>

#include "analyzers/syscalls/notation.h"
#include "analyzers/syscalls/tables.h"
#include "analyzers/syscalls/text.h"
#include "common/hex.h"

namespace panda::syscalls::notation {
namespace {

int64_t sign_extended(const Value& value) {
    const unsigned unused = 64 - 8 * std::clamp(value.size, 1u, 8u);
    return static_cast<int64_t>(value.raw << unused) >> unused;
}

// The whole register and, on i386, the one after it: 64 bits, the lower half first.
uint64_t wide_argument(const Context& context, const Notation& notation) {
    const auto& registers = context.call().arguments;
    const size_t place = notation.position;
    if (context.abi() == Abi::x86_64 || place + 1 >= registers.size())
        return place < registers.size() ? registers[place] : 0;
    return (registers[place] & 0xffff'ffff) | registers[place + 1] << 32;
}

std::string hex_or_zero(uint64_t value) {
    return value == 0 ? "0" : hex(value);
}

std::string one_of(const Family& family, const Context& context, uint64_t value) {
    return one_text(family, context.abi(), value);
}

constexpr unsigned huge_shift = 26;
constexpr uint64_t huge_mask = uint64_t{0x3f} << huge_shift;

// include/uapi/linux/mman.h: MAP_TYPE; and the size of huge pages (hugetlb_encode.h).
std::string map_flags_text(const Context& context, uint64_t value) {
    constexpr uint64_t type_mask = 0xf;
    std::string text = one_of(map_type_constants(), context, value & type_mask);
    if (const uint64_t rest = value & ~type_mask & ~huge_mask; rest != 0)
        text += "|" + more_flags_text(map_constants(), context.abi(), rest);
    if ((value & huge_mask) != 0)
        text += "|" + std::to_string((value & huge_mask) >> huge_shift) + "<<MAP_HUGE_SHIFT";
    return text;
}

}  // namespace

std::string decimal(const Context&, const Value& value, const Notation&) {
    return std::to_string(sign_extended(value));
}

std::string unsigned_decimal(const Context&, const Value& value, const Notation&) {
    return std::to_string(value.raw);
}

std::string hexadecimal(const Context&, const Value& value, const Notation&) {
    return hex_or_zero(value.raw);
}

std::string octal(const Context&, const Value& value, const Notation&) {
    return mode_text(value.raw);
}

std::string address(const Context&, const Value& value, const Notation&) {
    return address_text(value.raw);
}

std::string mode(const Context&, const Value& value, const Notation&) {
    return mode_text(value.raw & 0xffff);
}

// include/uapi/linux/stat.h: the upper four bits are the type of a file.
std::string file_mode(const Context& context, const Value& value, const Notation&) {
    const uint64_t type = value.raw & 0170000;
    std::string text = type == 0 ? "" : one_of(file_type_constants(), context, type) + "|";
    static constexpr Constant bits[] = {{04000, "S_ISUID"}, {02000, "S_ISGID"}, {01000, "S_ISVTX"}};
    for (const Constant& bit : bits)
        if ((value.raw & bit.value) != 0)
            text += std::string(bit.name) + "|";
    return text + mode_text(value.raw & 0777);
}

std::string flags(const Context& context, const Value& value, const Notation& notation) {
    return flags_text(*notation.families[0], context.abi(), value.raw);
}

// Some constants are negative.
std::string one(const Context& context, const Value& value, const Notation& notation) {
    const Family& family = *notation.families[0];
    const char* name = constant_name(family, context.abi(), static_cast<uint64_t>(sign_extended(value)));
    return name ? name : one_of(family, context, value.raw);
}

std::string decimal_one(const Context& context, const Value& value, const Notation& notation) {
    const char* name = constant_name(*notation.families[0], context.abi(), value.raw);
    return std::to_string(sign_extended(value)) + " /* " +
           (name ? name : std::string(notation.families[0]->unknown)) + " */";
}

std::string one_or_d(const Context& context, const Value& value, const Notation& notation) {
    const uint64_t mask = value.size == 4 ? UINT32_MAX : UINT64_MAX;
    for (const Constant& constant : notation.families[0]->of(context.abi()))
        if ((constant.value & mask) == (value.raw & mask))
            return constant.name;
    return std::to_string(sign_extended(value));
}

std::string verbose_one(const Context& context, const Value& value, const Notation& notation) {
    const char* name = constant_name(*notation.families[0], context.abi(), value.raw);
    return (value.raw == 0 ? "0" : hex(value.raw)) + " /* " +
           (name ? name : std::string(notation.families[0]->unknown)) + " */";
}

std::string id(const Context&, const Value& value, const Notation&) {
    return static_cast<uint32_t>(value.raw) == UINT32_MAX ? "-1" : std::to_string(value.raw);
}

std::string id16(const Context&, const Value& value, const Notation&) {
    const auto number = static_cast<uint16_t>(value.raw);
    return number == UINT16_MAX ? "-1" : std::to_string(number);
}

// include/linux/kdev_t.h, new_encode_dev(): 12 bits of major number in the middle.
std::string device(const Context&, const Value& value, const Notation&) {
    const uint64_t major = (value.raw >> 8 & 0xfff) | (value.raw >> 32 & ~uint64_t{0xfff});
    const uint64_t minor = (value.raw & 0xff) | (value.raw >> 12 & 0xffffff00);
    return "makedev(" + hex_or_zero(major) + ", " + hex_or_zero(minor) + ")";
}

std::string rlim(const Context&, const Value& value, const Notation&) {
    const uint64_t infinity = value.size == 4 ? UINT32_MAX : UINT64_MAX;
    if (value.raw == infinity)
        return value.size == 4 ? "RLIM_INFINITY" : "RLIM64_INFINITY";
    if (value.raw > 1024 && value.raw % 1024 == 0)
        return std::to_string(value.raw / 1024) + "*1024";
    return std::to_string(value.raw);
}

std::string magic(const Context&, const Value& value, const Notation&) {
    static constexpr Constant names[] = {{0xfee1dead, "LINUX_REBOOT_MAGIC1"},
                                         {672274793, "LINUX_REBOOT_MAGIC2"},
                                         {85072278, "LINUX_REBOOT_MAGIC2A"},
                                         {369367448, "LINUX_REBOOT_MAGIC2B"},
                                         {537993216, "LINUX_REBOOT_MAGIC2C"}};
    for (const Constant& name : names)
        if (name.value == value.raw)
            return name.name;
    return hex_or_zero(value.raw) + " /* LINUX_REBOOT_MAGIC_??? */";
}

std::string magic_command(const Context& context, const Value& value, const Notation&) {
    return one_of(reboot_constants(), context, value.raw);
}

// include/uapi/linux/personality.h: PER_MASK, and the flags beside it.
std::string personality(const Context& context, const Value& value, const Notation&) {
    constexpr uint64_t type_mask = 0xff;
    if (value.raw == UINT32_MAX)
        return "0xffffffff";
    std::string text = one_of(personality_type_constants(), context, value.raw & type_mask);
    if ((value.raw & ~type_mask) != 0)
        text += "|" + more_flags_text(personality_flags_constants(), context.abi(), value.raw & ~type_mask);
    return text;
}

// Only LINUX_REBOOT_CMD_RESTART2 has one: a text of which the kernel takes 255 bytes (kernel/reboot.c).
std::optional<std::string> reboot_argument(Context& context, const Notation& notation) {
    constexpr uint64_t restart2 = 0xa1b2c3d4;
    if ((context.argument_at(2) & 0xffff'ffff) != restart2)
        return "";
    return string_at(context, context.argument(notation), 255);
}

std::string result_personality(Context& context) {
    const auto value = static_cast<uint32_t>(context.result().value);
    const Notation none(&personality, {}, nullptr, {}, 4, 0);
    return (value == 0 ? "0" : hex(value)) + " (" + personality(context, {value, 0, 4}, none) + ")";
}

std::string result_named(Context& context) {
    const auto value = static_cast<uint64_t>(context.result().value);
    const char* name = constant_name(*context.form().result_family, context.abi(), value);
    return std::to_string(context.result().value) + (name ? " (" + std::string(name) + ")" : "");
}

std::string result_named_flags(Context& context) {
    const auto value = static_cast<uint64_t>(context.result().value);
    const std::string names = flags_text(*context.form().result_family, context.abi(), value);
    if (value == 0)
        return names == "0" ? "0" : "0 (" + names + ")";
    return hex(value) + " (" + names + ")";
}

std::string sysv_key(const Context&, const Value& value, const Notation&) {
    return value.raw == 0 ? "IPC_PRIVATE" : hex(value.raw);
}

std::string shm_flags(const Context&, const Value& value, const Notation&) {
    static constexpr Constant names[] = {
        {01000, "IPC_CREAT"}, {02000, "IPC_EXCL"}, {04000, "SHM_HUGETLB"}, {010000, "SHM_NORESERVE"}};
    std::string text;
    uint64_t rest = value.raw & ~huge_mask & ~uint64_t{0777};
    for (const Constant& name : names)
        if ((value.raw & name.value) != 0) {
            text += std::string(name.name) + "|";
            rest &= ~name.value;
        }
    if (rest != 0)
        text += hex(rest) + "|";
    if ((value.raw & huge_mask) != 0)
        text += std::to_string((value.raw & huge_mask) >> huge_shift) + "<<SHM_HUGE_SHIFT|";
    return text + mode_text(value.raw & 0777);
}

std::string lx_plain(const Context&, const Value& value, const Notation&) {
    return hex(value.raw);
}

// In units of 4 KiB, shown in bytes.
std::string page_offset(const Context&, const Value& value, const Notation&) {
    return value.raw == 0 ? "0" : hex(value.raw << 12);
}

std::string load_averages(const Context& context, const Value& value, const Notation&) {
    std::vector<std::string> items;
    for (uint32_t offset = 0; offset + context.word_size() <= value.size; offset += context.word_size()) {
        const auto word = context.read_word(value.address + offset);
        if (!word)
            return address_text(value.address);
        items.push_back(std::to_string(*word));
    }
    return list_text('[', items, ']');
}

std::string file_system_id(const Context& context, const Value& value, const Notation&) {
    const auto low = context.read_unsigned(value.address, 4);
    const auto high = context.read_unsigned(value.address + 4, 4);
    if (!low || !high)
        return address_text(value.address);
    const auto text = [](uint64_t half) { return half == 0 ? "0" : hex(half); };
    return "{val=[" + text(*low) + ", " + text(*high) + "]}";
}

// include/asm-generic/param.h: USER_HZ is 100.
std::string clock_ticks(const Context&, const Value& value, const Notation&) {
    std::string text = std::to_string(value.raw);
    if (value.raw == 0)
        return text;
    const std::string hundredths = std::to_string(value.raw % 100);
    return text + " /* " + std::to_string(value.raw / 100) + "." + (hundredths.size() < 2 ? "0" : "") +
           hundredths + " s */";
}

// fs/statfs.c: the kernel marks that the flags are there.
std::string statfs_flags(const Context& context, const Value& value, const Notation&) {
    return flags_text(statfs_flags_constants(), context.abi(), value.raw);
}

std::optional<std::string> offset64(Context& context, const Notation& notation) {
    return std::to_string(static_cast<int64_t>(wide_argument(context, notation)));
}

// Two registers of the program's words: the lower half of an offset and, on i386, the upper one.
std::optional<std::string> offset_pair(Context& context, const Notation& notation) {
    return offset64(context, notation);
}

std::optional<std::string> unsigned64(Context& context, const Notation& notation) {
    return std::to_string(wide_argument(context, notation));
}

// Flags whose upper six bits are the size of huge pages (include/uapi/asm-generic/hugetlb_encode.h).
std::optional<std::string> huge_flags(Context& context, const Notation& notation) {
    const uint64_t value = context.argument(notation) & 0xffff'ffff;
    const uint64_t size = value >> huge_shift;
    std::string text;
    if (const uint64_t flags = value & ~huge_mask; flags != 0 || size == 0)
        text = flags_text(*notation.families[0], context.abi(), flags);
    if (size != 0)
        text += (text.empty() ? "" : "|") + std::to_string(size) + "<<MFD_HUGE_SHIFT";
    return text;
}

std::optional<std::string> flags64(Context& context, const Notation& notation) {
    return flags_text(*notation.families[0], context.abi(), wide_argument(context, notation));
}

std::optional<std::string> lx_offset(Context& context, const Notation& notation) {
    const uint64_t offset = context.argument(notation);
    return offset == 0 ? "0" : hex(offset);
}

// _llseek(fd, high, low, result, whence) is written with one offset.
std::optional<std::string> llseek_offset(Context& context, const Notation& notation) {
    const uint64_t high = context.argument(notation);
    return std::to_string(static_cast<int64_t>(high << 32 | context.call().arguments[2]));
}

std::optional<std::string> omitted(Context&, const Notation&) {
    return "";
}

std::optional<std::string> out_llseek(Context& context, const Notation& notation) {
    if (context.at_entry())
        return std::nullopt;
    const auto position = context.read_signed(context.argument(notation), 8);
    if (context.without_output() || !position)
        return address_text(context.argument(notation));
    return "[" + std::to_string(*position) + "]";
}

std::optional<std::string> mmap_flags(Context& context, const Notation& notation) {
    return map_flags_text(context, context.argument(notation));
}

std::optional<std::string> mremap_address(Context& context, const Notation& notation) {
    // MREMAP_MAYMOVE and MREMAP_FIXED: without both there is no fifth argument.
    if ((context.argument_at(notation.numbers[0]) & 3) != 3)
        return "";
    return address_text(context.argument(notation));
}

// sys_old_mmap() of arch/x86/kernel/sys_ia32.c: six words in memory.
std::optional<std::string> old_mmap(Context& context, const Notation& notation) {
    uint32_t words[6];
    const uint64_t address = context.argument(notation);
    if (!context.read(address, std::as_writable_bytes(std::span(words))))
        return address_text(address);
    const Abi abi = context.abi();
    std::string text = "{addr=" + address_text(words[0]) + ", len=" + std::to_string(words[1]);
    text += ", prot=" + flags_text(prot_constants(), abi, words[2]);
    text += ", flags=" + map_flags_text(context, words[3]);
    text += ", fd=" + fd_text(context, static_cast<int32_t>(words[4]));
    return text + ", offset=" + (words[5] == 0 ? "0" : hex(words[5])) + "}";
}

}  // namespace panda::syscalls::notation
