#include "analyzers/taint/user_buffers.h"

#include <algorithm>
#include <span>
#include <string_view>

#include "analyzers/syscalls/by_name.h"
#include "analyzers/syscalls/message_layout.h"

namespace panda::taint {

using syscalls::Abi;
using syscalls::Call;

namespace {

enum class Form : uint8_t { plain, vector, message };
struct Entry {
    std::string_view name;
    Form form;
};
constexpr Entry entries[] = {
    {"read", Form::plain},     {"pread64", Form::plain},   {"write", Form::plain},
    {"pwrite64", Form::plain}, {"recv", Form::plain},      {"recvfrom", Form::plain},
    {"send", Form::plain},     {"sendto", Form::plain},    {"readv", Form::vector},
    {"writev", Form::vector},  {"preadv", Form::vector},   {"pwritev", Form::vector},
    {"preadv2", Form::vector}, {"pwritev2", Form::vector}, {"recvmsg", Form::message},
    {"sendmsg", Form::message}};

constexpr uint64_t most_buffers = 1024;  // UIO_MAXIOV

std::optional<uint64_t> word(const Call& call, uint64_t address, const syscalls::UserMemory& memory) {
    uint64_t value = 0;
    if (!memory.read(address, std::as_writable_bytes(std::span(&value, 1)).first(word_size(call.abi))))
        return std::nullopt;
    return value;
}

// struct iovec: an address and a size, a word each.
std::vector<UserBuffer> listed(const Call& call, uint64_t list, uint64_t count, uint64_t bytes,
                               const syscalls::UserMemory& memory) {
    std::vector<UserBuffer> buffers;
    const uint64_t size = word_size(call.abi);
    for (uint64_t i = 0; i < std::min(count, most_buffers) && bytes != 0; ++i) {
        const auto address = word(call, list + 2 * size * i, memory);
        const auto length = word(call, list + 2 * size * i + size, memory);
        if (!address || !length)
            break;
        const uint64_t part = std::min(*length, bytes);
        if (part != 0)
            buffers.push_back({*address, part});
        bytes -= part;
    }
    return buffers;
}

}  // namespace

std::vector<UserBuffer> user_buffers(const Call& call, uint64_t bytes, const syscalls::UserMemory& memory) {
    const Entry* entry = syscalls::entry_of(entries, call);
    if (entry == nullptr || bytes == 0)
        return {};
    switch (entry->form) {
        case Form::plain:
            return {{call.arguments[1], std::min(bytes, call.arguments[2])}};
        case Form::vector:
            return listed(call, call.arguments[1], call.arguments[2], bytes, memory);
        case Form::message: {
            // struct msghdr: name, its length in a word, iovecs, their number.
            const uint64_t size = word_size(call.abi);
            const auto list = word(call, call.arguments[1] + 2 * size, memory);
            const auto count = word(call, call.arguments[1] + 3 * size, memory);
            return list && count ? listed(call, *list, *count, bytes, memory) : std::vector<UserBuffer>{};
        }
    }
    return {};
}

std::optional<uint64_t> named_position(const Call& call) {
    static constexpr std::string_view names[] = {"pread64", "pwrite64", "preadv",
                                                 "pwritev", "preadv2",  "pwritev2"};
    const std::string name = call.name();
    if (std::ranges::find(names, name) == std::end(names))
        return std::nullopt;
    // In 32 bits the position is two arguments.
    const uint64_t position =
        call.abi == Abi::x86_64 ? call.arguments[3] : call.arguments[3] | call.arguments[4] << 32;
    const bool may_lack = name == "preadv2" || name == "pwritev2";
    return may_lack && position == ~uint64_t{0} ? std::nullopt : std::optional(position);
}

}  // namespace panda::taint
