// What pairing calls asks of a guest, at the moment of an event.
#pragma once

#include <optional>

#include "analyzers/syscalls/call.h"
#include "analyzers/syscalls/user_memory.h"

namespace panda::syscalls {

// Follows the guest: what it says is about now.
class Guest {
  public:
    virtual ~Guest() = default;

    // The task that the processor runs. Nothing when it cannot be told: the kernel is not known, or not up
    // yet.
    virtual std::optional<Task> current_task() = 0;
    // Whether a task still exists. Slow; for the end of a trace.
    virtual bool is_alive(const Task& task) = 0;
    // The memory that the running program sees.
    virtual const UserMemory& user_memory() const = 0;
};

}  // namespace panda::syscalls
