// Knows which calls move bytes from or to descriptors.
#pragma once

#include <cstdint>
#include <optional>

#include "analyzers/syscalls/call.h"
#include "analyzers/syscalls/user_memory.h"

namespace panda::syscalls {

// The descriptors of a call; nothing where that side is the program's memory.
struct Transfer {
    std::optional<int64_t> from;
    std::optional<int64_t> to;
};

// Returns nothing if the call moves no bytes.
std::optional<Transfer> transfer_of(const Call& call);

// How many bytes a transfer has moved; nothing if it failed, if its result is not known, or if it only looked
// at what is there (MSG_PEEK, MSG_ERRQUEUE). memory: as it is at the return.
std::optional<uint64_t> moved_bytes(const Call& call, const Return& result, const UserMemory& memory);

// The address of the struct msghdr that the call has sent or received; of several, the last one. Nothing for
// calls that have none.
std::optional<uint64_t> message_place(const Call& call, const Return& result);

// A descriptor in a register; the kernel looks at 32 bits of it.
int64_t fd_argument(const Call& call, size_t index);

}  // namespace panda::syscalls
