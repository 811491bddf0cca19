// Reads what the kernel puts on a program's stack before it runs a signal's handler.
#pragma once

#include <cstdint>
#include <optional>

#include "analyzers/syscalls/call.h"
#include "analyzers/syscalls/user_memory.h"

namespace panda::syscalls {

// The registers that a handler's sigreturn will restore.
struct SavedRegisters {
    int64_t ax = 0;  // sign-extended from 32 bits on i386
    uint64_t ip = 0;
    uint64_t sp = 0;
};

// From the frame that the stack points to when a handler starts. Returns nothing if it cannot be read.
std::optional<SavedRegisters> saved_at_handler(const UserMemory& memory, Abi abi, uint64_t stack_pointer);

// From the frame that sigreturn or rt_sigreturn finds: the handler has popped its return address and, for
// i386's old sigreturn, the signal's number.
std::optional<SavedRegisters> saved_at_sigreturn(const UserMemory& memory, Abi abi, bool real_time,
                                                 uint64_t stack_pointer);

}  // namespace panda::syscalls
