#include "recorder/format/recording.h"

#include <array>

namespace panda::recording {

const char* entry_kind_name(EntryKind kind) {
    static constexpr std::array<const char*, entry_kinds> names = {
        "mmio-read", "port-read",       "time-stamp", "msr-read",     "task-priority-read", "random",
        "cpuid",     "interrupt",       "wake",       "memory-write", "memory-map",         "a20",
        "reset",     "processor-write", "check",      "end"};
    return names.at(static_cast<size_t>(kind));
}

}  // namespace panda::recording
