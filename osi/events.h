// What happens to tasks along a run of a guest: the listener that is told, and how a provider finds it.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>

#include "osi/provider.h"

namespace panda::osi {

// A moment of a run.
struct EventPoint {
    Point point;
    uint64_t instr = 0;  // instructions executed before it
    uint64_t pc = 0;     // linear address of the instruction that caused it
};

// Is told of events. During a call, all of the guest's structures are as they are right after the event. Each
// function does nothing unless it is overridden.
class EventListener {
  public:
    virtual ~EventListener() = default;

    // Tasks are watched from here on. Tasks that are already there are not new.
    virtual void on_start(const EventPoint&, const Provider&) {}
    // The processor has switched to this thread.
    virtual void on_task_change(const EventPoint&, const Thread&) {}
    // The process is on the process list from here on. Kernel threads are processes too.
    virtual void on_new_process(const EventPoint&, const Process&) {}
    // The process's last thread has begun to exit; its memory and files are still there. Once per process.
    virtual void on_finished_process(const EventPoint&, const Process&) {}
    // A process has another thread beside its first one.
    virtual void on_new_thread(const EventPoint&, const Thread&) {}
    // The thread has begun to exit. This is called for the last thread of a process too.
    virtual void on_finished_thread(const EventPoint&, const Thread&) {}
    // The process is about to run the first instruction of another program.
    virtual void on_exec(const EventPoint&, const Process&) {}
    // Nothing is watched any more: the machine was reset.
    virtual void on_stop() {}
};

// Addresses for which stores matter, and why. A store that does not matter costs about a nanosecond.
class WatchedAddresses {
  public:
    enum class Role : uint8_t {
        current_task,    // the processor's current task
        per_cpu_offset,  // says where current_task is
        process_tail,    // the end of the process list
        process_link,    // a process's place in it
        thread_tail,     // the end of a process's thread list
        thread_link,     // a thread's place in it
        thread_flags,    // of a thread
        thread_memory,   // which memory a thread runs in
    };
    struct Watch {
        Role role;
        uint64_t task = 0;  // of the thread, or of the process's first one; 0: belongs to no task
    };

    // An address has one watch: a later one replaces it.
    void add(uint64_t address, const Watch& watch);
    void remove(uint64_t address);
    void clear();
    size_t size() const { return watches_.size(); }

    // Whether the address may be watched.
    bool may_hold(uint64_t address) const { return filter_[slot(address)]; }
    // Null if the address is not watched.
    const Watch* find(uint64_t address) const {
        const auto found = watches_.find(address);
        return found == watches_.end() ? nullptr : &found->second;
    }

  private:
    static constexpr unsigned slot_bits = 16;  // the filter takes 8 KiB
    static constexpr size_t slot_count = size_t{1} << slot_bits;
    static size_t slot(uint64_t address) { return (address * 0x9e37'79b9'7f4a'7c15) >> (64 - slot_bits); }

    std::unordered_map<uint64_t, Watch> watches_;
    std::bitset<slot_count> filter_;
    std::array<uint16_t, slot_count> users_{};  // how many watched addresses use a slot of the filter
};

// A store to a watched address.
struct WatchedStore {
    EventPoint at;  // right after the store
    uint64_t address = 0;
    uint64_t value = 0;
    uint8_t size = 0;  // bytes
};

// Finds the events of one run. Provider::watch() makes it; the provider and the listener must outlive it.
class EventWatch {
  public:
    virtual ~EventWatch() = default;

    // Takes the tasks that are there, and the addresses to watch. Returns false when the system is not there,
    // or not yet; the call may be repeated.
    virtual bool start(const EventPoint& at) = 0;
    // Call this for every store to an address that addresses() has, in order, when memory has the store.
    virtual void on_store(const WatchedStore& store) = 0;
    const WatchedAddresses& addresses() const { return addresses_; }

    // Whether on_block() must be called, with the linear address of each block that is about to run.
    bool wants_blocks() const { return wants_blocks_; }
    virtual void on_block(const EventPoint& at) = 0;
    // The processor returns to user mode.
    virtual void on_user_mode(const EventPoint& at) = 0;

    // What could not be found out; empty if nothing went wrong.
    const std::string& warning() const { return warning_; }

  protected:
    WatchedAddresses addresses_;
    bool wants_blocks_ = false;
    std::string warning_;
};

}  // namespace panda::osi
