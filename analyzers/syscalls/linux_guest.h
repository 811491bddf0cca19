// A Linux guest of a trace, as pairing and decoding see it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "analyzers/syscalls/guest.h"
#include "analyzers/syscalls/guest_clock.h"
#include "osi/kernel_epoch.h"
#include "osi/linux/osi_linux.h"
#include "osi/linux/task_state.h"
#include "trace/cpu_state.h"
#include "trace/event.h"
#include "trace/memory/address_space.h"
#include "trace/memory/physical_memory.h"

namespace panda::syscalls {

class LinuxGuest final : public Guest {
  public:
    // Finds the kernel at a moment. Throws Error when there is none that it knows. It is asked when the guest
    // makes its first system call, and after a failure again, less and less often.
    using Open = std::function<osi::linux_guest::OsiLinux(const osi::Point&)>;

    // memory: always as it is at the current moment; must outlive this.
    LinuxGuest(const trace::PhysicalMemory& memory, Open open)
        : user_memory_(memory), open_(std::move(open)) {}
    LinuxGuest(const LinuxGuest&) = delete;
    LinuxGuest& operator=(const LinuxGuest&) = delete;

    // The processor is in this state.
    void set_cpu(const trace::CpuState& cpu) { user_memory_.cpu = cpu; }
    // Follows an event that changes it: of the address space or the mode. Others are ignored.
    void apply(const trace::Event& event);

    // Guest's functions. Takes about 1 us.
    std::optional<Task> current_task() override;
    bool is_alive(const Task& task) override;
    const UserMemory& user_memory() const override { return user_memory_; }

    void visit_tasks(const TaskVisitor& visit) override;
    bool tells_functions() const override { return !functions_.empty(); }
    std::optional<InterruptedProgram> interrupted_program() override;
    std::optional<Signal> synchronous_signal() override;
    std::optional<Signal> next_signal() override;
    bool is_final(const Signal& signal) override;
    std::optional<int64_t> time(uint64_t instr) override;
    bool has_program(const Task& task) override;
    bool has_other_threads(const Task& leader) override;
    std::optional<uint32_t> exit_code(const Task& task) override;

    // Looks for the kernel now. It is not an error if there is none yet.
    void find_kernel();
    // Whether the kernel that was found is gone at this event: the machine was reset, or another kernel was started.
    bool kernel_ends_at(const trace::Event& event);
    // From here on another kernel may run, which is looked for when it makes system calls.
    void forget_kernel();
    // Where the kernel's functions start; empty if the kernel is not known, or does not tell.
    struct FunctionPlace {
        uint64_t address;
        KernelFunction function;
    };
    const std::vector<FunctionPlace>& functions() const { return functions_; }

    // What a descriptor of the current task, which may have a table of its own, is, as /proc/PID/fd names it; for AT_FDCWD (-100) the working
    // directory. Empty if it is not open.
    std::string describe_fd(int64_t fd);

    // The file that a descriptor of the current task is, with its position; nothing if it is not open.
    std::optional<osi::OpenFile> file(int64_t fd);

    // The processor, as far as system calls need it: its address space and its mode.
    const trace::CpuState& cpu() const { return user_memory_.cpu; }
    // The guest physical address that an address leads to now; nothing if no page is there.
    std::optional<uint64_t> physical(uint64_t address) const;

    // The socket that a descriptor of the current task is; nothing if it is not one, or cannot be read.
    std::optional<osi::Socket> socket(int64_t fd);

    // The name of a network interface, as the current task sees it; nothing if it does not exist there.
    std::optional<std::string> interface_name(uint32_t number);

    // If a kernel was looked for and not found, throws the reason.
    void require_kernel() const;

  private:
    struct View final : UserMemory {
        explicit View(const trace::PhysicalMemory& physical) : memory(physical) {}
        bool read(uint64_t address, std::span<std::byte> out) const override;

        const trace::PhysicalMemory& memory;
        trace::CpuState cpu;
    };
    osi::Point point() const { return {&user_memory_.memory, &user_memory_.cpu}; }
    void look_for_kernel();
    void found(osi::linux_guest::OsiLinux kernel);
    std::optional<Signal> signal_of(const std::optional<osi::linux_guest::PendingSignal>& signal) const;
    std::optional<InterruptedProgram> program_of(uint64_t task) const;

    View user_memory_;
    Open open_;
    std::optional<osi::linux_guest::OsiLinux> kernel_;
    std::optional<osi::KernelEpoch> epoch_;  // of the kernel
    std::string failure_;
    uint64_t wait_ = 0;       // calls to wait for before the next attempt
    uint64_t next_wait_ = 1;  // doubles with each failure
    std::vector<FunctionPlace> functions_;
    GuestClock clock_;
    // While tasks are visited: the current one.
    std::optional<Task> visited_;
};

}  // namespace panda::syscalls
