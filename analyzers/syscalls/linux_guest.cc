#include "analyzers/syscalls/linux_guest.h"

#include "common/error.h"
#include "osi/linux/clock.h"

namespace panda::syscalls {

bool LinuxGuest::View::read(uint64_t address, std::span<std::byte> out) const {
    return trace::AddressSpace(memory, cpu.cr3, trace::paging_of(cpu)).read(address, out);
}

void LinuxGuest::apply(const trace::Event& event) {
    trace::CpuState& cpu = user_memory_.cpu;
    if (const auto* change = std::get_if<trace::AddressSpaceChange>(&event.detail)) {
        cpu.cr3 = change->cr3;
    } else if (const auto* mode = std::get_if<trace::ModeChange>(&event.detail)) {
        cpu.cr0 = mode->cr0;
        cpu.cr4 = mode->cr4;
        cpu.efer = mode->efer;
    }
}

void LinuxGuest::look_for_kernel() {
    if (wait_ > 0) {
        --wait_;
        return;
    }
    try {
        found(open_(point()));
    } catch (const Error& error) {
        failure_ = error.what();
        wait_ = next_wait_;
        next_wait_ *= 2;
    }
}

void LinuxGuest::find_kernel() {
    if (kernel_)
        return;
    try {
        found(open_(point()));
    } catch (const Error&) {
        // The kernel is looked for again when the guest makes system calls.
    }
}

void LinuxGuest::found(osi::linux_guest::OsiLinux kernel) {
    const kernelinfo::KernelInfo& info = kernel.info();
    const auto add = [&](const kernelinfo::Address& address, KernelFunction function) {
        if (address && *address != 0)
            functions_.push_back({kernel.moved(*address), function});
    };
    // All or none, because signals follow from the order in which these functions run.
    if (info.panda_get_signal_addr && info.panda_dequeue_signal_addr && info.panda_do_exit_addr &&
        info.panda_task_pending_offset && info.panda_task_blocked_offset &&
        info.panda_task_exit_code_offset && info.panda_task_exit_state_offset &&
        info.panda_signal_shared_pending_offset && info.panda_sigqueue_info_offset) {
        add(info.panda_get_signal_addr, KernelFunction::get_signal);
        add(info.panda_dequeue_signal_addr, KernelFunction::dequeue_signal);
        add(info.panda_do_exit_addr, KernelFunction::do_exit);
    }
    kernel_.emplace(std::move(kernel));
    epoch_.emplace(user_memory_.cpu);
}

bool LinuxGuest::kernel_ends_at(const trace::Event& event) {
    return epoch_ && epoch_->ends_at(event, [this]() -> const trace::CpuState& { return user_memory_.cpu; });
}

void LinuxGuest::forget_kernel() {
    kernel_.reset();
    epoch_.reset();
    functions_.clear();
    failure_.clear();
    wait_ = 0;
    next_wait_ = 1;
}

std::optional<Task> LinuxGuest::current_task() {
    if (visited_)
        return visited_;
    if (!kernel_)
        look_for_kernel();
    if (!kernel_)
        return std::nullopt;
    const auto thread = kernel_->current_thread(point());
    if (!thread)
        return std::nullopt;
    return Task{thread->task, thread->pid, thread->tid, thread->name};
}

bool LinuxGuest::is_alive(const Task& task) {
    if (!kernel_)
        return true;
    for (const osi::ProcessHandle& handle : kernel_->process_handles(point()).entries) {
        const auto process = kernel_->process(point(), handle);
        // A zombie no longer has an address space, and makes no calls.
        if (!process || process->pid != task.pid || handle.asid == 0)
            continue;
        for (const osi::Thread& thread : kernel_->threads(point(), handle).entries)
            if (thread.tid == task.tid)
                return true;
    }
    return false;
}

// What the program's registers, as the kernel keeps them, say about the call that it is in. A task that fork
// or clone made, and that has not run yet, has its parent's registers, with 0 for the result; but no call
// that makes tasks returns 0 to the parent.
std::optional<InterruptedProgram> LinuxGuest::program_of(uint64_t task) const {
    const auto registers =
        osi::linux_guest::user_registers(kernel_->kernel_memory(point()), kernel_->info(), task);
    if (!registers)
        return std::nullopt;
    InterruptedProgram program;
    program.abi = registers->code64 ? Abi::x86_64 : Abi::i386;
    program.in_call = static_cast<int64_t>(registers->original_ax) >= 0;
    program.number = registers->original_ax & 0xffff'ffff;
    program.arguments = registers->arguments;
    program.next_pc = registers->ip;
    program.stack_pointer = registers->sp;
    program.result = registers->code64 ? static_cast<int64_t>(registers->ax)
                                       : static_cast<int64_t>(static_cast<int32_t>(registers->ax));
    program.result_place = registers->ax_address;
    return program;
}

std::optional<InterruptedProgram> LinuxGuest::interrupted_program() {
    const auto task = current_task();
    return task ? program_of(task->address) : std::nullopt;
}

void LinuxGuest::visit_tasks(const TaskVisitor& visit) {
    if (!kernel_)
        return;
    const auto running = current_task();
    const trace::CpuState cpu = user_memory_.cpu;
    for (const osi::ProcessHandle& handle : kernel_->process_handles(point()).entries) {
        if (handle.asid == 0)
            continue;
        for (const osi::Thread& thread : kernel_->threads(point(), handle).entries) {
            visited_ = Task{thread.task, thread.pid, thread.tid, thread.name};
            const bool runs = running && running->address == thread.task;
            auto program = runs && cpu.privilege() == 3 ? std::nullopt : program_of(thread.task);
            // The task may be anywhere on its way in or out, so only a call that certainly runs counts.
            constexpr int64_t enosys = 38;
            if (runs && program && program->result != -enosys)
                program.reset();
            user_memory_.cpu.cr3 = handle.asid;
            visit(*visited_, program);
            user_memory_.cpu = cpu;
        }
    }
    visited_.reset();
}

std::optional<Signal> LinuxGuest::signal_of(
    const std::optional<osi::linux_guest::PendingSignal>& signal) const {
    if (!signal)
        return std::nullopt;
    return Signal{signal->number, signal->info,
                  kernel_->info().pointer_size() == 8 ? Abi::x86_64 : Abi::i386};
}

std::optional<Signal> LinuxGuest::synchronous_signal() {
    const auto task = current_task();
    if (!task)
        return std::nullopt;
    return signal_of(osi::linux_guest::synchronous_signal(kernel_->kernel_memory(point()), kernel_->info(),
                                                          task->address));
}

std::optional<Signal> LinuxGuest::next_signal() {
    const auto task = current_task();
    if (!task)
        return std::nullopt;
    return signal_of(
        osi::linux_guest::next_signal(kernel_->kernel_memory(point()), kernel_->info(), task->address));
}

bool LinuxGuest::is_final(const Signal& signal) {
    const auto task = current_task();
    return task && osi::linux_guest::is_immutable(kernel_->kernel_memory(point()), kernel_->info(),
                                                  task->address, signal.number);
}

std::optional<int64_t> LinuxGuest::time(uint64_t instr) {
    const auto clocks = kernel_ ? osi::linux_guest::kernel_clocks(*kernel_, point()) : std::nullopt;
    return clocks ? std::optional(clock_.at(instr, clocks->wall, clocks->scheduler)) : std::nullopt;
}

bool LinuxGuest::has_program(const Task& task) {
    return kernel_ &&
           osi::linux_guest::has_program(kernel_->kernel_memory(point()), kernel_->info(), task.address);
}

bool LinuxGuest::has_other_threads(const Task& leader) {
    if (!kernel_)
        return false;
    osi::ProcessHandle handle;
    handle.task = leader.address;
    for (const osi::Thread& thread : kernel_->threads(point(), handle).entries)
        if (thread.task != leader.address && !exit_code({thread.task, thread.pid, thread.tid, thread.name}))
            return true;
    return false;
}

std::optional<uint32_t> LinuxGuest::exit_code(const Task& task) {
    return kernel_
               ? osi::linux_guest::exit_code(kernel_->kernel_memory(point()), kernel_->info(), task.address)
               : std::nullopt;
}

std::string LinuxGuest::describe_fd(int64_t fd) {
    constexpr int64_t at_fdcwd = -100;
    const auto task = kernel_ ? current_task() : std::nullopt;
    if (!task)
        return {};
    // Threads may have tables of their own (CLONE_FILES), and outlive the first one.
    osi::ProcessHandle thread;
    thread.task = task->address;
    if (fd == at_fdcwd)
        return kernel_->details(point(), thread).working_directory;
    const auto file = kernel_->file(point(), thread, fd);
    return file ? file->name : "";
}

std::optional<osi::OpenFile> LinuxGuest::file(int64_t fd) {
    const auto task = kernel_ ? current_task() : std::nullopt;
    if (!task)
        return std::nullopt;
    osi::ProcessHandle thread;
    thread.task = task->address;
    return kernel_->file(point(), thread, fd);
}

std::optional<uint64_t> LinuxGuest::physical(uint64_t address) const {
    const trace::CpuState& cpu = user_memory_.cpu;
    return trace::AddressSpace(user_memory_.memory, cpu.cr3, trace::paging_of(cpu)).translate(address);
}

std::optional<osi::Socket> LinuxGuest::socket(int64_t fd) {
    const auto task = kernel_ ? current_task() : std::nullopt;
    osi::ProcessHandle thread;
    thread.task = task ? task->address : 0;
    try {
        return task ? kernel_->socket(point(), thread, fd) : std::nullopt;
    } catch (const Error&) {
        return std::nullopt;  // the group of the kernel does not say where sockets are
    }
}

std::optional<std::string> LinuxGuest::interface_name(uint32_t number) {
    return kernel_ ? kernel_->interface_name(point(), number) : std::nullopt;
}

void LinuxGuest::require_kernel() const {
    if (!kernel_ && !failure_.empty())
        throw Error(failure_);
}

}  // namespace panda::syscalls
