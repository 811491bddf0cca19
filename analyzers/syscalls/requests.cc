// Requests that are handed over in memory: AIO and io_uring.
#include <array>

#include "analyzers/syscalls/iocb.h"
#include "analyzers/syscalls/notation.h"
#include "analyzers/syscalls/tables.h"
#include "analyzers/syscalls/text.h"
#include "common/hex.h"

namespace panda::syscalls::notation {
namespace {

std::string hex_or_zero(uint64_t value) {
    return value == 0 ? "0" : hex(value);
}

std::optional<Iocb> iocb_at(const Context& context, uint64_t place) {
    Iocb iocb;
    return context.read(place, std::as_writable_bytes(std::span(&iocb, 1))) ? std::optional(iocb)
                                                                            : std::nullopt;
}

bool is_valid(const Context& context, const Iocb& iocb) {
    const uint64_t most = context.word_size() == 8 ? INT64_MAX : INT32_MAX;
    return (context.word_size() == 8 || iocb.buffer <= UINT32_MAX) && iocb.bytes <= most;
}

std::string header_text(const Context& context, const Iocb& iocb) {
    constexpr uint32_t flag_ioprio = 2;
    const Abi abi = context.abi();
    std::string text = "{aio_data=" + hex_or_zero(iocb.data);
    if (iocb.key != 0)
        text += ", aio_key=" + std::to_string(iocb.key);
    if (iocb.rw_flags != 0)
        text += ", aio_rw_flags=" + flags_text(rwf_constants(), abi, iocb.rw_flags);
    const char* name = constant_name(aio_command_constants(), abi, iocb.command);
    text += ", aio_lio_opcode=" +
            (name ? std::string(name) : std::to_string(iocb.command) + " /* IOCB_CMD_??? */");
    if ((iocb.flags & flag_ioprio) != 0)
        text += ", aio_reqprio=" + io_priority_text(abi, static_cast<uint16_t>(iocb.priority));
    else if (iocb.priority != 0)
        text += ", aio_reqprio=" + std::to_string(iocb.priority);
    return text + ", aio_fildes=" + fd_text(context, static_cast<int32_t>(iocb.fd));
}

// The descriptor that is to be told, if there is one.
std::string notification_text(const Context& context, const Iocb& iocb) {
    constexpr uint32_t flag_resfd = 1;
    std::string text;
    if (iocb.flags != 0)
        text += ", aio_flags=" + flags_text(aio_flags_constants(), context.abi(), iocb.flags);
    if ((iocb.flags & flag_resfd) != 0)
        text += ", aio_resfd=" + fd_text(context, static_cast<int32_t>(iocb.notified_fd));
    else if (iocb.notified_fd != 0)
        text += ", aio_resfd=" + hex(iocb.notified_fd);
    return text;
}

// What all transfers have after their buffers.
std::string offset_text(const Context& context, const Iocb& iocb) {
    return ", aio_offset=" + std::to_string(iocb.offset) + notification_text(context, iocb);
}

std::string vectors_text(const Context& context, const Iocb& iocb, bool with_bytes) {
    const unsigned word = context.word_size();
    return array_at(
        context, iocb.buffer, iocb.bytes, 2 * word, [&](uint64_t place) -> std::optional<std::string> {
            const auto base = context.read_word(place);
            const auto size = context.read_word(place + word);
            if (!base || !size)
                return std::nullopt;
            return "{iov_base=" + (with_bytes ? bytes_at(context, *base, *size) : address_text(*base)) +
                   ", iov_len=" + std::to_string(*size) + "}";
        });
}

std::string iocb_text(const Context& context, const Iocb& iocb) {
    std::string text = header_text(context, iocb);
    switch (iocb.command) {
        case iocb_command::pread:
        case iocb_command::pwrite:
            text += ", aio_buf=" + (iocb.command == iocb_command::pwrite && is_valid(context, iocb)
                                        ? bytes_at(context, iocb.buffer, iocb.bytes)
                                        : hex_or_zero(iocb.buffer));
            text += ", aio_nbytes=" + std::to_string(iocb.bytes) + offset_text(context, iocb);
            break;
        case iocb_command::preadv:
        case iocb_command::pwritev:
            text += ", aio_buf=" +
                    (is_valid(context, iocb)
                         ? vectors_text(context, iocb, iocb.command == iocb_command::pwritev)
                         : hex_or_zero(iocb.buffer) + ", aio_nbytes=" + std::to_string(iocb.bytes));
            text += offset_text(context, iocb);
            break;
        case iocb_command::poll:
            text += ", aio_buf=" + flags_text(poll_constants(), context.abi(), iocb.buffer) +
                    notification_text(context, iocb);
            break;
        default:
            break;
    }
    return text + "}";
}

std::string event_text(const Context& context, uint64_t place) {
    return place == 0 ? "NULL" : structure_at(context, place, io_event_layout());
}

}  // namespace

std::optional<std::string> in_iocbs(Context& context, const Notation& notation) {
    const uint64_t place = context.argument(notation);
    const auto count = static_cast<int64_t>(context.argument_at(notation.numbers[0]));
    if (count < 0 || (context.abi() == Abi::i386 && static_cast<int32_t>(count) < 0))
        return address_text(place);
    return array_at(context, place, static_cast<uint64_t>(count), context.word_size(),
                    [&](uint64_t at) -> std::optional<std::string> {
                        const auto address = context.read_word(at);
                        if (!address)
                            return std::nullopt;
                        const auto iocb = iocb_at(context, *address);
                        return iocb ? iocb_text(context, *iocb) : address_text(*address);
                    });
}

std::optional<std::string> in_iocb(Context& context, const Notation& notation) {
    const uint64_t place = context.argument(notation);
    const auto iocb = iocb_at(context, place);
    return place == 0 || !iocb ? address_text(place) : header_text(context, *iocb) + "}";
}

std::optional<std::string> out_io_event(Context& context, const Notation& notation) {
    if (context.at_entry())
        return std::nullopt;
    const uint64_t place = context.argument(notation);
    return context.without_output() ? address_text(place) : event_text(context, place);
}

// struct io_uring_params: what the program asks for, and what the kernel writes.
std::optional<std::string> io_uring_parameters(Context& context, const Notation& notation) {
    constexpr uint64_t attach_wq = 1 << 5;
    const uint64_t place = context.argument(notation);
    std::string asked = place == 0 ? "" : structure_at(context, place, io_uring_params_layout());
    if (!asked.starts_with('{'))
        return address_text(place);
    if (context.at_entry())
        return std::nullopt;
    asked.pop_back();
    if ((context.read_unsigned(place + 8, 4).value_or(0) & attach_wq) != 0)
        asked += ", wq_fd=" + fd_text(context, context.read_signed(place + 24, 4).value_or(-1));
    const std::string written =
        context.without_output() ? "" : structure_at(context, place, io_uring_results_layout());
    return asked + (written.starts_with('{') ? ", " + written.substr(1) : "}");
}

}  // namespace panda::syscalls::notation
