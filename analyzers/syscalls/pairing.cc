#include "analyzers/syscalls/pairing.h"

#include <algorithm>
#include <span>
#include <string>

namespace panda::syscalls {

bool is_one_of(const Call& call, std::initializer_list<std::string_view> names) {
    return call.description != nullptr &&
           std::find(names.begin(), names.end(), call.description->name) != names.end();
}
namespace {

// sysenter returns to behind the int 0x80 that follows it, and restarts with that instruction
// (arch/x86/entry/vdso/vdso32/system_call.S). So does syscall in 32-bit code, which is at the same place.
bool is_fast_32(trace::CallGate gate) {
    return gate == trace::CallGate::sysenter || gate == trace::CallGate::syscall32;
}

// sys_socketcall (net/socket.c), by number.
constexpr std::array<const char*, 21> socket_calls = {
    "",           "socket",  "bind",    "connect",  "listen",   "accept",   "getsockname", "getpeername",
    "socketpair", "send",    "recv",    "sendto",   "recvfrom", "shutdown", "setsockopt",  "getsockopt",
    "sendmsg",    "recvmsg", "accept4", "recvmmsg", "sendmmsg"};

// Takes the first arguments from memory. Returns whether they could be read.
bool unpack_words(Call& call, const UserMemory& memory, uint64_t place, size_t count) {
    std::array<uint32_t, 6> words{};
    count = std::min(words.size(), count);
    if (!memory.read(place, std::as_writable_bytes(std::span(words)).first(4 * count)))
        return false;
    std::copy(words.begin(), words.end(), call.arguments.begin());
    return true;
}

void unpack_socketcall(Call& call, const UserMemory& memory) {
    if (call.arguments[0] == 0 || call.arguments[0] >= socket_calls.size())
        return;
    const CallDescription* description = find_call(Abi::i386, std::string(socket_calls[call.arguments[0]]));
    if (description == nullptr ||
        !unpack_words(call, memory, call.arguments[1], description->form.arguments.size()))
        return;
    call.description = description;
    call.multiplexed = true;
}

// sys_ipc (ipc/syscall.c): a number, and then first, second, third, ptr and fifth, in the order that each
// call has.
struct IpcCall {
    uint32_t number;
    const char* name;
    std::array<uint8_t, 5> order;
};
constexpr uint8_t first = 1, second = 2, third = 3, pointer = 4, fifth = 5;
constexpr IpcCall ipc_calls[] = {{1, "semop", {first, pointer, second}},
                                 {2, "semget", {first, second, third}},
                                 {3, "semctl", {first, second, third, pointer}},
                                 {4, "semtimedop", {first, pointer, second, fifth}},
                                 {11, "msgsnd", {first, pointer, second, third}},
                                 {12, "msgrcv", {first, pointer, second, fifth, third}},
                                 {13, "msgget", {first, second}},
                                 {14, "msgctl", {first, second, pointer}},
                                 {21, "shmat", {first, pointer, second}},
                                 {22, "shmdt", {pointer}},
                                 {23, "shmget", {first, second, third}},
                                 {24, "shmctl", {first, second, pointer}}};

void unpack_ipc(Call& call, const UserMemory& memory) {
    const uint64_t number = call.arguments[0] & 0xffff, version = call.arguments[0] >> 16;
    const auto* found = std::find_if(std::begin(ipc_calls), std::end(ipc_calls),
                                     [number](const IpcCall& entry) { return entry.number == number; });
    const CallDescription* description =
        found == std::end(ipc_calls) ? nullptr : find_call(Abi::i386, std::string(found->name));
    if (description == nullptr)
        return;
    std::array<uint64_t, 6> given = call.arguments;
    // The old msgrcv has the message and its type behind the pointer (struct ipc_kludge).
    std::array<uint32_t, 2> kludge{};
    if (found->number == 12 && version == 0) {
        if (!memory.read(given[pointer], std::as_writable_bytes(std::span(kludge))))
            return;
        given[pointer] = kludge[0];
        given[fifth] = kludge[1];
    }
    if (found->number == 21)
        call.result_place = given[third];
    for (size_t i = 0; i < found->order.size(); ++i)
        call.arguments[i] = found->order[i] == 0 ? 0 : given[found->order[i]];
    call.description = description;
    call.multiplexed = true;
}

}  // namespace

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

void unpack_multiplexed(Call& call, const UserMemory& memory) {
    if (call.abi != Abi::i386)
        return;
    if (is_one_of(call, {"socketcall"}))
        unpack_socketcall(call, memory);
    else if (is_one_of(call, {"ipc"}))
        unpack_ipc(call, memory);
    else if (is_one_of(call, {"select"}))
        unpack_words(call, memory, call.arguments[0], 5);
}

}  // namespace panda::syscalls
