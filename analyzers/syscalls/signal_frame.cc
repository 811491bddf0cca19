#include "analyzers/syscalls/signal_frame.h"

#include <array>
#include <span>

namespace panda::syscalls {
namespace {

// arch/x86/include/asm/sigframe.h, struct rt_sigframe: the return address, then the ucontext: uc_flags,
// uc_link and uc_stack (40 bytes), then struct sigcontext_64 (arch/x86/include/uapi/asm/sigcontext.h): r8 to
// r15, di, si, bp, bx, dx, ax, cx, sp, ip.
constexpr uint64_t context_64 = 40;
constexpr uint64_t ax_64 = 13 * 8, sp_64 = 15 * 8, ip_64 = 16 * 8;

// struct sigcontext_32: gs, fs, es, ds, di, si, bp, sp, bx, dx, cx, ax, trapno, err, ip. In struct
// sigframe_ia32 it follows the return address and the signal's number; in struct rt_sigframe_ia32 the return
// address, the number, two pointers, 128 bytes of siginfo, and 20 bytes of the ucontext.
constexpr uint64_t ax_32 = 11 * 4, sp_32 = 7 * 4, ip_32 = 14 * 4;
constexpr uint64_t old_context_32 = 8;
constexpr uint64_t real_time_context_32 = 16 + 128 + 20;

template <typename T>
std::optional<T> load(const UserMemory& memory, uint64_t address) {
    T value;
    if (!memory.read(address, std::as_writable_bytes(std::span(&value, 1))))
        return std::nullopt;
    return value;
}

std::optional<SavedRegisters> read_64(const UserMemory& memory, uint64_t context) {
    const auto ax = load<int64_t>(memory, context + ax_64);
    const auto ip = load<uint64_t>(memory, context + ip_64);
    const auto sp = load<uint64_t>(memory, context + sp_64);
    return ax && ip && sp ? std::optional(SavedRegisters{*ax, *ip, *sp}) : std::nullopt;
}

std::optional<SavedRegisters> read_32(const UserMemory& memory, uint64_t context) {
    const auto ax = load<int32_t>(memory, context + ax_32);
    const auto ip = load<uint32_t>(memory, context + ip_32);
    const auto sp = load<uint32_t>(memory, context + sp_32);
    return ax && ip && sp ? std::optional(SavedRegisters{*ax, *ip, *sp}) : std::nullopt;
}

}  // namespace

std::optional<SavedRegisters> saved_at_handler(const UserMemory& memory, Abi abi, uint64_t stack_pointer) {
    if (abi == Abi::x86_64)
        return read_64(memory, stack_pointer + 8 + context_64);
    // The frame of a handler with SA_SIGINFO has a pointer to its siginfo, which is 16 bytes above the
    // frame's start.
    const auto info = load<uint32_t>(memory, stack_pointer + 8);
    const bool real_time = info && *info == static_cast<uint32_t>(stack_pointer) + 16;
    return read_32(memory, stack_pointer + (real_time ? real_time_context_32 : old_context_32));
}

std::optional<SavedRegisters> saved_at_sigreturn(const UserMemory& memory, Abi abi, bool real_time,
                                                 uint64_t stack_pointer) {
    if (abi == Abi::x86_64)
        return read_64(memory, stack_pointer + context_64);
    return real_time ? read_32(memory, stack_pointer - 4 + real_time_context_32)
                     : read_32(memory, stack_pointer);
}

}  // namespace panda::syscalls
