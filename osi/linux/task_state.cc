#include "osi/linux/task_state.h"

#include <bit>
#include <cstring>

#include "osi/linux/list.h"

namespace panda::osi::linux_guest {
namespace {

using kernelinfo::KernelInfo;

// struct pt_regs (arch/x86/include/asm/ptrace.h), in words. x86_64: r15 r14 r13 r12 bp bx r11 r10 r9 r8 ax cx
// dx si di orig_ax ip cs flags sp ss. i386: bx cx dx si di bp ax ds es fs gs orig_ax ip cs flags sp ss.
struct RegisterPlaces {
    unsigned words, ax, original_ax, ip, cs, flags, sp, ss;
};
constexpr RegisterPlaces places_64 = {21, 10, 15, 16, 17, 18, 19, 20};
constexpr RegisterPlaces places_32 = {17, 6, 11, 12, 13, 14, 15, 16};
// Arguments of system calls: di si dx r10 r8 r9, and bx cx dx si di bp.
constexpr std::array<unsigned, 6> arguments_64 = {14, 13, 12, 7, 9, 8};
constexpr std::array<unsigned, 6> arguments_compat = {5, 11, 12, 13, 14, 4};
constexpr std::array<unsigned, 6> arguments_32 = {0, 1, 2, 3, 4, 5};

// arch/x86/include/asm/segment.h: __USER_CS, __USER32_CS and __USER_DS of 64-bit kernels, then those of
// 32-bit kernels.
constexpr uint64_t user_cs = 0x33, user32_cs = 0x23, user_ds = 0x2b;
constexpr uint64_t i386_user_cs = 0x73, i386_user_ds = 0x7b;
constexpr uint64_t flags_always = 0x202;  // programs run with interrupts enabled; bit 1 is always set

using Words = std::array<uint64_t, 21>;

bool read_words(const KernelMemory& memory, uint64_t address, unsigned count, Words& words) {
    for (unsigned i = 0; i < count; ++i) {
        const auto word = memory.pointer(address + i * memory.pointer_size());
        if (!word)
            return false;
        words[i] = *word;
    }
    return true;
}

std::optional<UserRegisters> registers_at(const KernelMemory& memory, uint64_t address) {
    const bool wide = memory.pointer_size() == 8;
    const RegisterPlaces& places = wide ? places_64 : places_32;
    Words words{};
    if (!read_words(memory, address, places.words, words))
        return std::nullopt;
    const uint64_t cs = words[places.cs] & 0xffff;
    const uint64_t ss = words[places.ss] & 0xffff;
    const bool is_program =
        wide ? (cs == user_cs || cs == user32_cs) && ss == user_ds : cs == i386_user_cs && ss == i386_user_ds;
    if (!is_program || (words[places.flags] & flags_always) != flags_always || words[places.ip] == 0 ||
        (wide && memory.is_kernel_address(words[places.ip])))
        return std::nullopt;
    UserRegisters registers;
    registers.address = address;
    registers.ax_address = address + places.ax * memory.pointer_size();
    registers.code64 = cs == user_cs;
    registers.ax = words[places.ax];
    registers.original_ax = wide ? words[places.original_ax]
                                 : static_cast<uint64_t>(static_cast<int32_t>(words[places.original_ax]));
    const auto& order = !wide ? arguments_32 : registers.code64 ? arguments_64 : arguments_compat;
    for (size_t i = 0; i < order.size(); ++i)
        registers.arguments[i] = registers.code64 ? words[order[i]] : words[order[i]] & 0xffff'ffff;
    registers.ip = words[places.ip];
    registers.sp = words[places.sp];
    return registers;
}

// The signals that are synchronous (kernel/signal.c, SYNCHRONOUS_MASK): SEGV, BUS, ILL, TRAP, FPE, SYS.
constexpr uint64_t bit_of(unsigned signal) {
    return uint64_t{1} << (signal - 1);
}
constexpr uint64_t synchronous = bit_of(11) | bit_of(7) | bit_of(4) | bit_of(5) | bit_of(8) | bit_of(31);

// struct sigpending (include/linux/signal_types.h): the list of struct sigqueue, then the set of signals.
struct Queue {
    uint64_t list = 0;
    uint64_t set = 0;
};
std::optional<Queue> queue_at(const KernelMemory& memory, uint64_t address) {
    const auto set = memory.u64(address + 2 * memory.pointer_size());
    return set ? std::optional(Queue{address, *set}) : std::nullopt;
}

// Chooses as next_signal() of kernel/signal.c does.
unsigned first_of(uint64_t set) {
    if ((set & synchronous) != 0)
        set &= synchronous;
    return set == 0 ? 0 : static_cast<unsigned>(std::countr_zero(set)) + 1;
}

// Does what collect_signal() does. A signal that was not queued has only its number. struct sigqueue starts
// with the list's node.
PendingSignal signal_in(const KernelMemory& memory, const KernelInfo& info, const Queue& queue,
                        unsigned number) {
    PendingSignal signal{number, {}};
    const auto raw = static_cast<uint32_t>(number);
    std::memcpy(signal.info.data(), &raw, sizeof raw);
    walk_list(memory, queue.list, [&](uint64_t node) {
        const uint64_t place = at(node, *info.panda_sigqueue_info_offset);
        if (memory.u32(place) != raw)
            return true;
        std::array<std::byte, 48> content;
        if (memory.space().read(memory.wrap(place), content))
            signal.info = content;
        return false;
    });
    return signal;
}

struct Waiting {
    Queue own, shared;
    uint64_t blocked = 0;
};
std::optional<Waiting> waiting_for(const KernelMemory& memory, const KernelInfo& info, uint64_t task) {
    if (!info.panda_task_pending_offset || !info.panda_task_blocked_offset ||
        !info.panda_task_signal_offset || !info.panda_signal_shared_pending_offset ||
        !info.panda_sigqueue_info_offset)
        return std::nullopt;
    const auto own = queue_at(memory, at(task, *info.panda_task_pending_offset));
    const auto group = memory.pointer(at(task, *info.panda_task_signal_offset));
    const auto shared =
        group ? queue_at(memory, at(*group, *info.panda_signal_shared_pending_offset)) : std::nullopt;
    const auto blocked = memory.u64(at(task, *info.panda_task_blocked_offset));
    return own && shared && blocked ? std::optional(Waiting{*own, *shared, *blocked}) : std::nullopt;
}

}  // namespace

std::optional<UserRegisters> user_registers(const KernelMemory& memory, const KernelInfo& info,
                                            uint64_t task) {
    if (!info.task_stack_offset)
        return std::nullopt;
    const auto stack = memory.pointer(at(task, *info.task_stack_offset));
    if (!stack || !memory.is_kernel_address(*stack))
        return std::nullopt;
    // THREAD_SIZE and TOP_OF_KERNEL_STACK_PADDING (arch/x86/include/asm/thread_info.h) depend on how the
    // kernel was configured, so the registers are found by how they look.
    const bool wide = memory.pointer_size() == 8;
    const uint64_t bytes = (wide ? places_64.words : places_32.words) * memory.pointer_size();
    for (const uint64_t size :
         wide ? std::array<uint64_t, 2>{0x4000, 0x8000} : std::array<uint64_t, 2>{0x2000, 0x4000})
        for (const uint64_t padding : {0, 8, 16})
            if (const auto registers = registers_at(memory, *stack + size - padding - bytes))
                return registers;
    return std::nullopt;
}

std::optional<PendingSignal> next_signal(const KernelMemory& memory, const KernelInfo& info, uint64_t task) {
    const auto waiting = waiting_for(memory, info, task);
    if (!waiting)
        return std::nullopt;
    for (const Queue& queue : {waiting->own, waiting->shared})
        if (const unsigned number = first_of(queue.set & ~waiting->blocked); number != 0)
            return signal_in(memory, info, queue, number);
    return std::nullopt;
}

// dequeue_synchronous_signal() of kernel/signal.c: the first in the task's own queue that the processor or
// the kernel raised.
std::optional<PendingSignal> synchronous_signal(const KernelMemory& memory, const KernelInfo& info,
                                                uint64_t task) {
    const auto waiting = waiting_for(memory, info, task);
    if (!waiting || (waiting->own.set & ~waiting->blocked & synchronous) == 0)
        return std::nullopt;
    std::optional<PendingSignal> found;
    walk_list(memory, waiting->own.list, [&](uint64_t node) {
        PendingSignal signal;
        const uint64_t place = at(node, *info.panda_sigqueue_info_offset);
        if (!memory.space().read(memory.wrap(place), signal.info))
            return false;
        int32_t head[3];  // si_signo, si_errno, si_code
        std::memcpy(head, signal.info.data(), sizeof head);
        if (head[2] <= 0 || head[0] < 1 || head[0] > 64 ||
            (bit_of(static_cast<unsigned>(head[0])) & synchronous) == 0)
            return true;
        signal.number = static_cast<uint32_t>(head[0]);
        found = signal;
        return false;
    });
    return found;
}

// struct k_sigaction (include/linux/signal_types.h) is the handler, the flags, the restorer, each a word, and
// 64 bits of mask.
bool is_immutable(const KernelMemory& memory, const KernelInfo& info, uint64_t task, uint32_t signal) {
    constexpr uint64_t sa_immutable = 0x0080'0000;  // since 5.16 (commit 00b06da29cf9)
    if (!info.panda_task_sighand_offset || !info.panda_sighand_action_offset || signal < 1 || signal > 64)
        return false;
    const auto handlers = memory.pointer(at(task, *info.panda_task_sighand_offset));
    if (!handlers || !memory.is_kernel_address(*handlers))
        return false;
    const uint64_t action =
        at(*handlers, *info.panda_sighand_action_offset) + (signal - 1) * (3 * memory.pointer_size() + 8);
    return (memory.pointer(action + memory.pointer_size()).value_or(0) & sa_immutable) != 0;
}

// do_exit() of kernel/exit.c sets the code first, and the state in exit_notify(). wait_task_zombie() prefers
// the code of the group.
std::optional<uint32_t> exit_code(const KernelMemory& memory, const KernelInfo& info, uint64_t task) {
    constexpr uint32_t signal_group_exit = 4;  // include/linux/sched/signal.h
    if (!info.panda_task_exit_code_offset || !info.panda_task_exit_state_offset ||
        memory.u32(at(task, *info.panda_task_exit_state_offset)).value_or(0) == 0)
        return std::nullopt;
    if (info.panda_task_signal_offset && info.panda_signal_flags_offset &&
        info.panda_signal_group_exit_code_offset) {
        const auto group = memory.pointer(at(task, *info.panda_task_signal_offset));
        if (group && memory.is_kernel_address(*group) &&
            (memory.u32(at(*group, *info.panda_signal_flags_offset)).value_or(0) & signal_group_exit) != 0)
            return memory.u32(at(*group, *info.panda_signal_group_exit_code_offset));
    }
    return memory.u32(at(task, *info.panda_task_exit_code_offset));
}

bool has_program(const KernelMemory& memory, const KernelInfo& info, uint64_t task) {
    constexpr uint32_t pf_io_worker = 0x10, pf_kthread = 0x0020'0000;  // include/linux/sched.h
    // A kernel thread may borrow a program's memory (kernel/kthread.c, kthread_use_mm). io_uring's threads
    // belong to a process, but run no program.
    if (info.panda_task_flags_offset &&
        (memory.u32(at(task, *info.panda_task_flags_offset)).value_or(0) & (pf_kthread | pf_io_worker)) != 0)
        return false;
    return memory.pointer(at(task, info.need(&KernelInfo::task_mm_offset))).value_or(0) != 0;
}

}  // namespace panda::osi::linux_guest
