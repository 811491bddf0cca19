// Which bytes of a program's memory a system call reads or writes when it moves bytes.
#pragma once

#include <cstdint>
#include <vector>

#include "analyzers/syscalls/call.h"
#include "analyzers/syscalls/user_memory.h"

namespace panda::taint {

struct UserBuffer {
    uint64_t address = 0;
    uint64_t size = 0;
};

// The first `bytes` bytes of a call's buffers, in their order; those that transfer_of() (analyzers/syscalls/transfer.h)
// knows, but for calls that move several messages at once. memory: as it is at the call's return. Empty if the call has
// no buffers, or if their list cannot be read.
std::vector<UserBuffer> user_buffers(const syscalls::Call& call, uint64_t bytes,
                                     const syscalls::UserMemory& memory);

// Where in its file a call that names the position begins to read or write; nothing if it does so at the descriptor's
// own position.
std::optional<uint64_t> named_position(const syscalls::Call& call);

}  // namespace panda::taint
