// Descriptors, open flags, fcntl, directories.
#include "analyzers/syscalls/notation.h"
#include "analyzers/syscalls/tables.h"
#include "analyzers/syscalls/text.h"
#include "common/hex.h"

namespace panda::syscalls::notation {
namespace {

// include/uapi/asm-generic/fcntl.h, the same on x86.
constexpr uint64_t o_accmode = 3;
constexpr uint64_t o_creat = 0100;
constexpr uint64_t o_tmpfile = 020000000;

std::string open_flags_text(Abi abi, uint64_t value) {
    std::string text = one_text(access_mode_constants(), abi, value & o_accmode);
    const uint64_t rest = value & ~o_accmode;
    return rest == 0 ? text : text + "|" + more_flags_text(open_constants(), abi, rest);
}

std::string lock_text(const Context& context, uint64_t address, const Layout& layout) {
    return structure_at(context, address, layout);
}

const Layout& lock_layout(uint64_t command) {
    // F_GETLK64, F_SETLK64, F_SETLKW64 (12-14), and the locks of open file descriptions (36-38).
    return command >= 12 ? flock64_layout() : flock_layout();
}

// The lengths of struct linux_dirent (getdents) and linux_dirent64; fs/readdir.c.
std::optional<unsigned> count_entries(const Context& context, uint64_t address, uint64_t size) {
    const std::string name = context.call().name();
    const uint64_t length_offset = name == "getdents64" ? 16 : 2 * context.word_size();
    unsigned count = 0;
    for (uint64_t place = 0; place + length_offset + 2 <= size; ++count) {
        const auto length = context.read_unsigned(address + place + length_offset, 2);
        if (!length)
            return std::nullopt;
        if (*length <= length_offset)
            break;
        place += *length;
    }
    return count;
}

}  // namespace

std::string fd(const Context& context, const Value& value, const Notation&) {
    return fd_text(context, static_cast<int32_t>(value.raw));
}

std::string dirfd(const Context& context, const Value& value, const Notation&) {
    constexpr int32_t at_fdcwd = -100;
    const auto number = static_cast<int32_t>(value.raw);
    if (number != at_fdcwd)
        return fd_text(context, number);
    std::string text = "AT_FDCWD";
    if (context.options().describe_fd)
        text += described(context.options().describe_fd(at_fdcwd));
    return text;
}

std::string open_flags(const Context& context, const Value& value, const Notation&) {
    return open_flags_text(context.abi(), value.raw);
}

std::optional<std::string> open_mode(Context& context, const Notation& notation) {
    if ((context.argument_at(notation.numbers[0]) & (o_creat | o_tmpfile)) == 0)
        return "";
    return mode_text(context.argument(notation) & 0xffff);
}

std::optional<std::string> openat2_how(Context& context, const Notation& notation) {
    const uint64_t place = context.argument(notation);
    const auto how_flags = context.read_unsigned(place, 8);
    const auto how_mode = context.read_unsigned(place + 8, 8);
    const auto resolve = context.read_unsigned(place + 16, 8);
    constexpr uint64_t first_size = 24;  // of the structure
    if (!how_flags || !how_mode || !resolve || context.argument_at(notation.numbers[0]) < first_size)
        return address_text(place);
    std::string text = "{flags=" + open_flags_text(context.abi(), *how_flags);
    if (*how_mode != 0 || (*how_flags & (o_creat | o_tmpfile)) != 0)
        text += ", mode=" + mode_text(*how_mode);
    return text + ", resolve=" + flags_text(open_resolve_constants(), context.abi(), *resolve) + "}";
}

std::optional<std::string> mknod_mode(Context& context, const Notation& notation) {
    return file_mode(context, {context.argument(notation) & 0xffff, 0, 4}, notation);
}

std::optional<std::string> mknod_device(Context& context, const Notation& notation) {
    const uint64_t type = context.argument_at(notation.numbers[0]) & 0170000;
    if (type != 0020000 && type != 0060000)
        return "";
    return device(context, {context.argument(notation) & 0xffff'ffff, 0, 4}, notation);
}

std::optional<std::string> statx_flags(Context& context, const Notation& notation) {
    constexpr uint64_t sync_mask = 0x6000;  // AT_STATX_SYNC_TYPE
    const uint64_t value = context.argument(notation) & 0xffff'ffff;
    std::string text = one_text(statx_sync_constants(), context.abi(), value & sync_mask);
    if ((value & ~sync_mask) != 0)
        text += "|" + more_flags_text(statx_flags_constants(), context.abi(), value & ~sync_mask);
    return text;
}

std::optional<std::string> out_fds(Context& context, const Notation& notation) {
    if (context.at_entry())
        return std::nullopt;
    const uint64_t place = context.argument(notation);
    const auto first = context.read_signed(place, 4);
    const auto second = context.read_signed(place + 4, 4);
    if (context.without_output() || !first || !second)
        return address_text(place);
    return "[" + fd_text(context, *first) + ", " + fd_text(context, *second) + "]";
}

// include/uapi/linux/fcntl.h: what the third argument is depends on the command.
std::optional<std::string> fcntl_argument(Context& context, const Notation& notation) {
    const uint64_t command = context.argument_at(1) & 0xffff'ffff;
    const uint64_t value = context.argument(notation);
    const char* name = constant_name(fcntl_constants(), context.abi(), command);
    const std::string text = name ? name : "";
    if (text == "F_GETFD" || text == "F_GETFL" || text == "F_GETOWN" || text == "F_GETSIG" ||
        text == "F_GETLEASE" || text == "F_GETPIPE_SZ" || text == "F_GET_SEALS")
        return "";
    if (text == "F_SETFD")
        return flags_text(fd_flags_constants(), context.abi(), value);
    if (text == "F_SETFL")
        return open_flags_text(context.abi(), value);
    if (text == "F_SETSIG")
        return signal_text(value);
    if (text == "F_ADD_SEALS")
        return flags_text(seals_constants(), context.abi(), value);
    if (text == "F_SETLEASE")
        return one_text(lock_type_constants(), context.abi(), value);
    if (text == "F_DUPFD" || text == "F_DUPFD_CLOEXEC" || text == "F_SETOWN" || text == "F_SETPIPE_SZ")
        return std::to_string(static_cast<int32_t>(value));
    if (text == "F_SETLK" || text == "F_SETLKW" || text == "F_SETLK64" || text == "F_SETLKW64" ||
        text == "F_OFD_SETLK" || text == "F_OFD_SETLKW")
        return lock_text(context, value, lock_layout(command));
    if (text == "F_GETLK" || text == "F_GETLK64" || text == "F_OFD_GETLK") {
        if (context.at_entry())
            return std::nullopt;
        return context.without_output() ? address_text(value)
                                        : lock_text(context, value, lock_layout(command));
    }
    return hex(value);
}

std::optional<std::string> out_dirents(Context& context, const Notation& notation) {
    if (context.at_entry())
        return std::nullopt;
    const uint64_t place = context.argument(notation);
    if (context.without_output())
        return address_text(place);
    const auto count = count_entries(context, place, static_cast<uint64_t>(context.result().value));
    if (!count)
        return address_text(place);
    return address_text(place) + " /* " + std::to_string(*count) +
           (*count == 1 ? " entry */" : " entries */");
}

// sendfile, splice, copy_file_range: a position that the call moves on, [before] => [after].
std::optional<std::string> inout_offset(Context& context, const Notation& notation) {
    const uint64_t place = context.argument(notation);
    if (place == 0)
        return "NULL";
    // sendfile of i386 has an off_t; all others have loff_t.
    const unsigned size = context.call().name() == "sendfile" ? context.word_size() : 8;
    const auto position = context.read_signed(place, size);
    if (context.at_entry()) {
        if (!position)
            return address_text(place);
        context.kept[notation.position] = static_cast<uint64_t>(*position);
        return std::nullopt;
    }
    const auto before = static_cast<int64_t>(context.kept[notation.position]);
    std::string text = "[" + std::to_string(before) + "]";
    if (!context.without_output() && position && *position != before)
        text += " => [" + std::to_string(*position) + "]";
    return text;
}

std::optional<std::string> mount_flags(Context& context, const Notation& notation) {
    // fs/namespace.c: old programs put a magic number in the upper half.
    constexpr uint64_t magic = 0xc0ed0000;
    const uint64_t value = context.argument(notation);
    if ((value & 0xffff0000) != magic)
        return flags_text(*notation.families[0], context.abi(), value);
    const uint64_t rest = value & 0xffff;
    return "MS_MGC_VAL" + (rest == 0 ? "" : "|" + flags_text(*notation.families[0], context.abi(), rest));
}

// fs/namespace.c, path_mount(): which of mount's arguments the kernel looks at. What it does not look at may be no text.
bool mounts_something(const Context& context, bool with_remount) {
    constexpr uint64_t remount = 0x20;
    // MS_BIND, MS_MOVE, MS_UNBINDABLE, MS_PRIVATE, MS_SLAVE and MS_SHARED.
    constexpr uint64_t others = 0x1000 | 0x2000 | 0xf << 17;
    const uint64_t flags = context.argument_at(3);
    return (flags & remount) != 0 ? with_remount : (flags & others) == 0;
}

std::optional<std::string> mount_type(Context& context, const Notation& notation) {
    const uint64_t place = context.argument(notation);
    return mounts_something(context, false) ? string_at(context, place, context.options().string_limit)
                                            : address_text(place);
}

std::optional<std::string> mount_data(Context& context, const Notation& notation) {
    if (!mounts_something(context, true))
        return address_text(context.argument(notation));
    return string_at(context, context.argument(notation), context.options().string_limit);
}

std::string result_fd(Context& context) {
    return fd_text(context, context.result().value);
}

std::string result_octal(Context& context) {
    return mode_text(static_cast<uint64_t>(context.result().value));
}

std::string result_fcntl(Context& context) {
    const int64_t value = context.result().value;
    const char* name = constant_name(fcntl_constants(), context.abi(), context.argument_at(1) & 0xffff'ffff);
    const std::string command = name ? name : "";
    if (command == "F_GETFD" && value != 0)
        return hex(static_cast<uint64_t>(value)) + " (flags " +
               flags_text(fd_flags_constants(), context.abi(), static_cast<uint64_t>(value)) + ")";
    if (command == "F_GETFL")
        return (value == 0 ? "0" : hex(static_cast<uint64_t>(value))) + " (flags " +
               open_flags_text(context.abi(), static_cast<uint64_t>(value)) + ")";
    if (command == "F_GET_SEALS" && value != 0)
        return hex(static_cast<uint64_t>(value)) + " (seals " +
               flags_text(seals_constants(), context.abi(), static_cast<uint64_t>(value)) + ")";
    if (command == "F_DUPFD" || command == "F_DUPFD_CLOEXEC")
        return fd_text(context, value);
    return std::to_string(value);
}

}  // namespace panda::syscalls::notation
