// Calls that move bytes from or to descriptors.
#pragma once

#include <cstdint>
#include <optional>

#include "analyzers/syscalls/call.h"
#include "analyzers/syscalls/user_memory.h"

namespace panda::syscalls {

// Descriptors of a call; nothing where the other side is the program's memory.
struct Transfer {
    std::optional<int64_t> from;
    std::optional<int64_t> to;
};

// Nothing when the call moves no bytes.
std::optional<Transfer> transfer_of(const Call& call);

// How many bytes a transfer has moved; nothing when it failed, when its result is not known, or when it only
// looked at what is there (MSG_PEEK, MSG_ERRQUEUE). memory: as it is at the return.
std::optional<uint64_t> moved_bytes(const Call& call, const Return& result, const UserMemory& memory);

// The address of the struct msghdr that the call has sent or received, of several the last. Nothing for calls
// without.
std::optional<uint64_t> message_place(const Call& call, const Return& result);

// A descriptor in a register; the kernel looks at 32 bits.
int64_t fd_argument(const Call& call, size_t index);

}  // namespace panda::syscalls
