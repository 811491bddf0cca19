#include "analyzers/syscalls/linux_guest.h"

#include "common/error.h"

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
        kernel_.emplace(open_(point()));
    } catch (const Error& error) {
        failure_ = error.what();
        wait_ = next_wait_;
        next_wait_ *= 2;
    }
}

std::optional<Task> LinuxGuest::current_task() {
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
        // A zombie has no address space any more, and makes no calls.
        if (!process || process->pid != task.pid || handle.asid == 0)
            continue;
        for (const osi::Thread& thread : kernel_->threads(point(), handle).entries)
            if (thread.tid == task.tid)
                return true;
    }
    return false;
}

std::string LinuxGuest::describe_fd(int64_t fd) const {
    constexpr int64_t at_fdcwd = -100;
    const auto handle = kernel_ ? kernel_->current_process_handle(point()) : std::nullopt;
    if (!handle)
        return {};
    if (fd == at_fdcwd)
        return kernel_->details(point(), *handle).working_directory;
    const auto file = kernel_->file(point(), *handle, fd);
    return file ? file->name : "";
}

void LinuxGuest::require_kernel() const {
    if (!kernel_ && !failure_.empty())
        throw Error(failure_);
}

}  // namespace panda::syscalls
