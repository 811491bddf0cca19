// ioctl: the command's name, and what the argument is for those of terminals and files.
#include "analyzers/syscalls/notation.h"
#include "analyzers/syscalls/tables.h"
#include "analyzers/syscalls/text.h"
#include "common/hex.h"

namespace panda::syscalls::notation {
namespace {

// _IOC(direction, type, number, size) of asm-generic/ioctl.h.
std::string encoded_command(uint64_t command) {
    static constexpr const char* directions[] = {"_IOC_NONE", "_IOC_WRITE", "_IOC_READ",
                                                 "_IOC_READ|_IOC_WRITE"};
    const auto text = [](uint64_t number) { return number == 0 ? "0" : hex(number); };
    return std::string("_IOC(") + directions[command >> 30 & 3] + ", " + text(command >> 8 & 0xff) + ", " +
           text(command & 0xff) + ", " + text(command >> 16 & 0x3fff) + ")";
}

std::string command_name(const Context& context) {
    const char* name =
        constant_name(tty_ioctl_constants(), context.abi(), context.argument_at(1) & 0xffff'ffff);
    return name ? name : "";
}

std::string set_or(const Family& family, const Context& context, uint64_t value) {
    return flags_text(family, context.abi(), value);
}

// struct termios of the kernel (asm/termbits.h): four words of flags, the line, the control characters. The
// kernel's flags for speed and size of a character are numbers among the flags.
std::string termios_at(const Context& context, uint64_t place) {
    constexpr uint64_t baud_mask = 0x100f;
    constexpr uint64_t size_mask = 0x30;
    uint32_t words[4];
    if (!context.read(place, std::as_writable_bytes(std::span(words))))
        return address_text(place);
    const Abi abi = context.abi();
    std::string control = one_text(baud_rate_constants(), abi, words[2] & baud_mask) + "|" +
                          one_text(character_size_constants(), abi, words[2] & size_mask);
    if (const uint64_t rest = words[2] & ~(baud_mask | size_mask); rest != 0)
        control += "|" + set_or(control_mode_constants(), context, rest);
    std::string output = words[1] == 0 ? "0" : set_or(output_mode_constants(), context, words[1] & 0xff);
    static constexpr const char* delays[] = {"NL0", "CR0", "TAB0", "BS0", "VT0", "FF0"};
    for (const char* delay : delays)
        output += std::string("|") + delay;
    return "{c_iflag=" + set_or(input_mode_constants(), context, words[0]) + ", c_oflag=" + output +
           ", c_cflag=" + control + ", c_lflag=" + set_or(local_mode_constants(), context, words[3]) +
           ", ...}";
}

std::string number_at(const Context& context, uint64_t place) {
    const auto number = context.read_signed(place, 4);
    return number ? "[" + std::to_string(*number) + "]" : address_text(place);
}

enum class Shape {
    address,
    none,
    fd,
    number,
    termios_in,
    termios_out,
    window_in,
    window_out,
    number_in,
    number_out
};

Shape shape_of(const std::string& name) {
    if (name == "TCGETS")
        return Shape::termios_out;
    if (name == "TCSETS" || name == "TCSETSW" || name == "TCSETSF")
        return Shape::termios_in;
    if (name == "TIOCGWINSZ")
        return Shape::window_out;
    if (name == "TIOCSWINSZ")
        return Shape::window_in;
    if (name == "TIOCGPGRP" || name == "TIOCGSID" || name == "FIONREAD" || name == "TIOCOUTQ" ||
        name == "TIOCGPTN" || name == "TIOCGETD")
        return Shape::number_out;
    if (name == "TIOCSPGRP" || name == "FIONBIO" || name == "FIOASYNC" || name == "TIOCSETD" ||
        name == "TIOCSPTLCK")
        return Shape::number_in;
    if (name == "FICLONE")
        return Shape::fd;
    if (name == "TCFLSH" || name == "TCXONC" || name == "TCSBRK" || name == "TIOCSCTTY" || name == "TCSBRKP")
        return Shape::number;
    if (name == "FIOCLEX" || name == "FIONCLEX" || name == "TIOCNOTTY" || name == "TIOCEXCL" ||
        name == "TIOCNXCL")
        return Shape::none;
    return Shape::address;
}

bool is_output(Shape shape) {
    return shape == Shape::termios_out || shape == Shape::window_out || shape == Shape::number_out;
}

}  // namespace

std::optional<std::string> ioctl_command(Context& context, const Notation& notation) {
    const std::string name = command_name(context);
    // Two headers have a name for it.
    if (name == "FICLONE")
        return "BTRFS_IOC_CLONE or FICLONE";
    return name.empty() ? encoded_command(context.argument(notation) & 0xffff'ffff) : name;
}

std::optional<std::string> ioctl_argument(Context& context, const Notation& notation) {
    const Shape shape = shape_of(command_name(context));
    const uint64_t value = context.argument(notation);
    if (is_output(shape) && context.at_entry())
        return std::nullopt;
    if (is_output(shape) && context.without_output())
        return address_text(value);
    switch (shape) {
        case Shape::none:
            return "";
        case Shape::fd:
            return fd_text(context, static_cast<int32_t>(value));
        case Shape::number:
            return std::to_string(static_cast<int32_t>(value));
        case Shape::termios_in:
        case Shape::termios_out:
            return value == 0 ? "NULL" : termios_at(context, value);
        case Shape::window_in:
        case Shape::window_out:
            return value == 0 ? "NULL" : structure_at(context, value, winsize_layout());
        case Shape::number_in:
        case Shape::number_out:
            return value == 0 ? "NULL" : number_at(context, value);
        case Shape::address:
            break;
    }
    return value == 0 ? "0" : hex(value);
}

std::string result_ioctl(Context& context) {
    return std::to_string(context.result().value);
}

}  // namespace panda::syscalls::notation
