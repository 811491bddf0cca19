// Looks up system calls in an analyzer's own tables.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string_view>

#include "analyzers/syscalls/call.h"

namespace panda::syscalls {

// The table's entry whose `name` is the call's; null if there is none, or if no kernel header knows the call.
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
