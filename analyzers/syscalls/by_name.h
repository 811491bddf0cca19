// Tables by which an analyzer knows system calls.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string_view>

#include "analyzers/syscalls/call.h"

namespace panda::syscalls {

// The table's entry whose `name` is that of the call; null when there is none, or when no kernel header knows
// the call.
template <typename Entry, size_t count>
const Entry* entry_of(const Entry (&table)[count], const Call& call) {
    if (call.description == nullptr)
        return nullptr;
    const auto found = std::find_if(
        std::begin(table), std::end(table),
        [name = std::string_view(call.description->name)](const Entry& entry) { return entry.name == name; });
    return found == std::end(table) ? nullptr : &*found;
}

}  // namespace panda::syscalls
