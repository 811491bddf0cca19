#include "analyzers/syscalls/pairing.h"

#include <algorithm>
#include <span>
#include <string>

namespace panda::syscalls {
namespace {

// sysenter returns to behind the int 0x80 that follows it, and restarts with that instruction
// (arch/x86/entry/vdso/vdso32/system_call.S). So does syscall in 32-bit code, which is at the same place.
bool is_fast_32(trace::CallGate gate) {
    return gate == trace::CallGate::sysenter || gate == trace::CallGate::syscall32;
}

// sys_socketcall (net/socket.c) and the old select take their arguments in memory.
constexpr std::array<const char*, 21> socket_calls = {
    "",           "socket",  "bind",    "connect",  "listen",   "accept",   "getsockname", "getpeername",
    "socketpair", "send",    "recv",    "sendto",   "recvfrom", "shutdown", "setsockopt",  "getsockopt",
    "sendmsg",    "recvmsg", "accept4", "recvmmsg", "sendmmsg"};

}  // namespace

bool is_one_of(const Call& call, std::initializer_list<std::string_view> names) {
    return call.description != nullptr &&
           std::find(names.begin(), names.end(), call.description->name) != names.end();
}

bool is_exec(const Call& call) {
    return is_one_of(call, {"execve", "execveat"});
}
bool is_exit(const Call& call) {
    return is_one_of(call, {"exit", "exit_group"});
}
bool is_sigreturn(const Call& call) {
    return is_one_of(call, {"rt_sigreturn", "sigreturn"});
}
bool makes_tasks(const Call& call) {
    return is_one_of(call, {"fork", "vfork", "clone", "clone3"});
}

uint64_t restart_pc(const Call& call, trace::CallGate gate) {
    return is_fast_32(gate) ? call.pc + instruction_size : call.pc;
}
uint64_t return_pc(const Call& call, trace::CallGate gate) {
    return restart_pc(call, gate) + instruction_size;
}

int64_t value_in(Abi abi, uint64_t rax) {
    return abi == Abi::i386 ? static_cast<int32_t>(rax) : static_cast<int64_t>(rax);
}

int64_t restart_value(const Call& call, uint64_t rax) {
    if ((rax & 0xffff'ffff) != call.number)
        return -static_cast<int64_t>(Restart::block);
    const Restart restart = call.description ? call.description->restart : Restart::system;
    return -static_cast<int64_t>(restart == Restart::never || restart == Restart::block ? Restart::no_hand
                                                                                        : restart);
}

// Arguments as the kernel gets them. The vdso's __kernel_vsyscall (system_call.S) pushes ebp, because
// sysenter needs ebp for the stack. A 32-bit syscall destroys ecx, so ebp has what belongs in ecx.
std::array<uint64_t, 6> arguments_of(const trace::SystemCall& entry, const UserMemory& memory) {
    std::array<uint64_t, 6> arguments = entry.arguments;
    if (entry.gate == trace::CallGate::syscall)
        return arguments;
    for (uint64_t& argument : arguments)
        argument &= 0xffff'ffff;
    if (!is_fast_32(entry.gate))
        return arguments;
    const uint64_t stack = entry.gate == trace::CallGate::sysenter ? arguments[5] : entry.stack_pointer;
    if (entry.gate == trace::CallGate::syscall32)
        arguments[1] = arguments[5];
    uint32_t pushed = 0;
    if (memory.read(stack & 0xffff'ffff, std::as_writable_bytes(std::span(&pushed, 1))))
        arguments[5] = pushed;
    return arguments;
}

void unpack_socketcall(Call& call, const UserMemory& memory) {
    if (!is_one_of(call, {"socketcall"}) || call.arguments[0] == 0 ||
        call.arguments[0] >= socket_calls.size())
        return;
    const std::string name = socket_calls[call.arguments[0]];
    const CallDescription* description = find_call(Abi::i386, name);
    std::array<uint32_t, 6> words{};
    const size_t count = description == nullptr ? 0 : std::min(words.size(), description->arguments.size());
    if (description == nullptr ||
        !memory.read(call.arguments[1], std::as_writable_bytes(std::span(words)).first(4 * count)))
        return;
    call.description = description;
    std::copy(words.begin(), words.end(), call.arguments.begin());
}

}  // namespace panda::syscalls
