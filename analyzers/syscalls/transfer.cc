#include "analyzers/syscalls/transfer.h"

#include <algorithm>
#include <span>
#include <string_view>

#include "analyzers/syscalls/by_name.h"
#include "analyzers/syscalls/message_layout.h"

namespace panda::syscalls {
namespace {

constexpr int8_t none = -1;

// Which registers hold the descriptors, the flags of calls that may only look, and an array of messages.
struct Form {
    std::string_view name;
    int8_t from = none;
    int8_t to = none;
    int8_t flags = none;
    int8_t messages = none;
};

constexpr Form forms[] = {{.name = "read", .from = 0},
                          {.name = "pread64", .from = 0},
                          {.name = "readv", .from = 0},
                          {.name = "preadv", .from = 0},
                          {.name = "preadv2", .from = 0},
                          {.name = "getdents", .from = 0},
                          {.name = "getdents64", .from = 0},
                          {.name = "recv", .from = 0, .flags = 3},
                          {.name = "recvfrom", .from = 0, .flags = 3},
                          {.name = "recvmsg", .from = 0, .flags = 2},
                          {.name = "recvmmsg", .from = 0, .flags = 3, .messages = 1},
                          {.name = "recvmmsg_time64", .from = 0, .flags = 3, .messages = 1},
                          {.name = "write", .to = 0},
                          {.name = "pwrite64", .to = 0},
                          {.name = "writev", .to = 0},
                          {.name = "pwritev", .to = 0},
                          {.name = "pwritev2", .to = 0},
                          {.name = "send", .to = 0},
                          {.name = "sendto", .to = 0},
                          {.name = "sendmsg", .to = 0},
                          {.name = "sendmmsg", .to = 0, .messages = 1},
                          {.name = "sendfile", .from = 1, .to = 0},
                          {.name = "sendfile64", .from = 1, .to = 0},
                          {.name = "splice", .from = 0, .to = 2},
                          {.name = "copy_file_range", .from = 0, .to = 2}};

std::optional<int64_t> descriptor(const Call& call, int8_t index) {
    return index == none ? std::nullopt : std::optional(fd_argument(call, static_cast<size_t>(index)));
}

constexpr uint64_t max_messages = 1024;  // UIO_MAXIOV

uint64_t bytes_of_messages(const Call& call, uint64_t place, uint64_t count, const UserMemory& memory) {
    uint64_t bytes = 0;
    for (uint64_t i = 0; i < std::min(count, max_messages); ++i) {
        const uint64_t message = place + i * message_step(call.abi);
        uint32_t size = 0;
        if (!memory.read(message + message_size(call.abi), std::as_writable_bytes(std::span(&size, 1))))
            break;
        bytes += size;
    }
    return bytes;
}

}  // namespace

int64_t fd_argument(const Call& call, size_t index) {
    return static_cast<int32_t>(call.arguments[index]);
}

std::optional<Transfer> transfer_of(const Call& call) {
    const Form* form = entry_of(forms, call);
    if (form == nullptr)
        return std::nullopt;
    return Transfer{descriptor(call, form->from), descriptor(call, form->to)};
}

std::optional<uint64_t> moved_bytes(const Call& call, const Return& result, const UserMemory& memory) {
    constexpr uint64_t msg_peek = 0x2;
    constexpr uint64_t msg_errqueue = 0x2000;
    const Form* form = entry_of(forms, call);
    const bool has_value = result.ending == Ending::returned || result.known;
    if (form == nullptr || !has_value || result.value < 0)
        return std::nullopt;
    if (form->flags != none &&
        (call.arguments[static_cast<size_t>(form->flags)] & (msg_peek | msg_errqueue)) != 0)
        return std::nullopt;
    const auto value = static_cast<uint64_t>(result.value);
    if (form->messages == none)
        return value;
    // The memory of a task that is gone can no longer be read.
    if (result.ending != Ending::returned)
        return std::nullopt;
    return bytes_of_messages(call, call.arguments[static_cast<size_t>(form->messages)], value, memory);
}

std::optional<uint64_t> message_place(const Call& call, const Return& result) {
    const std::string_view name = call.description == nullptr ? "" : call.description->name;
    if (name == "sendmsg" || name == "recvmsg")
        return call.arguments[1];
    const Form* form = entry_of(forms, call);
    if (form == nullptr || form->messages == none || result.value <= 0)
        return std::nullopt;
    const auto last = std::min<uint64_t>(static_cast<uint64_t>(result.value), max_messages) - 1;
    return call.arguments[static_cast<size_t>(form->messages)] + last * message_step(call.abi);
}

}  // namespace panda::syscalls
