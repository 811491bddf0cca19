// How the ways into the kernel are alike and how they differ: where a call returns to, which arguments the
// kernel sees, how a call is restarted.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "analyzers/syscalls/call.h"
#include "analyzers/syscalls/user_memory.h"
#include "trace/event.h"

namespace panda::syscalls {

inline constexpr uint64_t instruction_size = 2;  // of each of syscall, sysenter and int 0x80

bool is_one_of(const Call& call, std::initializer_list<std::string_view> names);
bool is_exec(const Call& call);
bool is_exit(const Call& call);
bool is_sigreturn(const Call& call);
// Whether it is fork, vfork, clone or clone3.
bool makes_tasks(const Call& call);

// Where the program goes on: when the call is to be made again, and when it has returned.
uint64_t restart_pc(const Call& call, trace::CallGate gate);
uint64_t return_pc(const Call& call, trace::CallGate gate);

// rax as programs of the ABI see it.
int64_t value_in(Abi abi, uint64_t rax);
// The kernel's own error for a call that will be restarted. rax holds the number to restart with then: the
// call's own, or restart_syscall's.
int64_t restart_value(const Call& call, uint64_t rax);

// The arguments as the kernel gets them.
std::array<uint64_t, 6> arguments_of(const trace::SystemCall& entry, const UserMemory& memory);
// Turns i386's socketcall and ipc into the calls that they stand for, and the old select, whose arguments are
// in memory, into one that has them in registers.
void unpack_multiplexed(Call& call, const UserMemory& memory);

}  // namespace panda::syscalls
