// Finds events of a Linux guest by the stores to its task descriptors and lists.
#pragma once

#include <map>
#include <optional>
#include <unordered_map>

#include "osi/events.h"
#include "osi/linux/osi_linux.h"

namespace panda::osi::linux_guest {

// Each event is one store of the kernel, so nothing is missed and nothing has to be compared:
//
//   - current_task of the processor (__switch_to of arch/x86/kernel/process_64.c);
//   - init_task.tasks.prev: copy_process() of kernel/fork.c puts a new process at the list's end;
//   - thread_head.prev (before 3.14 the ring's, at the leader): the same for a thread;
//   - PF_EXITING in flags: do_exit() of kernel/exit.c sets it first, for every task;
//   - the poison that list_del_rcu() and list_replace_rcu() leave in a task's own link: the task is off the
//     list (release_task), or another thread takes its place (de_thread of fs/exec.c);
//   - mm: exec_mmap() of fs/exec.c gives a task another memory. The exec is over when the task then returns
//     to user mode. (Kernel threads that borrow a program's memory, kthread_use_mm(), never return there.)
//
// With task.switch_task_hook_addr, a task change is told when that address is executed next, as in PANDA, but
// at the latest when the processor returns to user mode or switches again.
class TaskWatch final : public EventWatch {
  public:
    TaskWatch(const OsiLinux& provider, EventListener& listener);

    bool start(const EventPoint& at) override;
    void on_store(const WatchedStore& store) override;
    void on_block(const EventPoint& at) override;
    void on_user_mode(const EventPoint& at) override;

  private:
    using Role = WatchedAddresses::Role;
    struct ProcessState {
        int64_t pid = 0;
        uint64_t thread_tail = 0;  // address
        unsigned threads = 0;      // on its list
        unsigned running = 0;      // those that have not begun to exit
        bool finished = false;
        bool executing = false;  // it has another memory, and has not returned to user mode yet
    };
    struct ThreadState {
        uint64_t leader = 0;  // key in processes_
        uint64_t memory = 0;  // its mm_struct
        bool exiting = false;
    };

    void watch_current(const Point& point);
    void add_process(const KernelMemory& memory, uint64_t leader);
    void remove_process(uint64_t leader);
    void add_thread(const KernelMemory& memory, uint64_t task, uint64_t leader);
    void remove_thread(uint64_t task);
    void switch_to(const WatchedStore& store);
    void tell_change(const EventPoint& at);
    void on_process_tail(const WatchedStore& store);
    void on_process_link(const WatchedStore& store, uint64_t leader);
    void on_thread_tail(const WatchedStore& store, uint64_t leader);
    void on_flags(const WatchedStore& store, uint64_t task);
    void on_memory(const WatchedStore& store, uint64_t task);
    void finish_thread(const EventPoint& at, uint64_t task);
    void finish_process(const EventPoint& at, uint64_t leader);
    std::optional<uint64_t> thread_tail_of(const KernelMemory& memory, uint64_t leader) const;
    bool is_off_list(const KernelMemory& memory, uint64_t link) const;

    const OsiLinux& provider_;
    EventListener& listener_;
    const kernelinfo::KernelInfo& info_;
    int64_t tasks_offset_;
    int64_t link_offset_;                                   // of a thread's place in its process's list
    uint64_t init_task_ = 0;                                // address, moved
    uint64_t hook_ = 0;                                     // address, moved; 0: none
    uint64_t current_place_ = 0;                            // address of the per-CPU variable; 0: not known
    uint64_t current_ = 0;                                  // task
    bool change_pending_ = false;                           // not told yet
    unsigned executing_ = 0;                                // processes
    std::unordered_map<uint64_t, ProcessState> processes_;  // by the first thread's task
    std::unordered_map<uint64_t, ThreadState> threads_;     // by task
};

}  // namespace panda::osi::linux_guest
