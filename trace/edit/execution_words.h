// From what an execution did back to what a TraceWriter takes. Internal.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "trace/access.h"
#include "trace/coding/block_table.h"
#include "trace/inner_event.h"

namespace panda::trace {

struct ExecutionWords {
    std::vector<uint64_t> words;    // as MemoryOperation says
    std::vector<InnerEvent> inner;  // by ascending place
};

// A block's operations without what they are counted from elsewhere: each has an address word, or is derived
// from one in the same block that has. So they stand alone, in a trace that follows no registers.
std::vector<MemoryOperation> operations_alone(std::span<const MemoryOperation> operations);

// operations: of operations_alone(). accesses: of an execution of their block that executed so many
// instructions, in order; with_values: with the values of stores. Which of several operations of the same
// kind made an access that either could have made does not show in the accesses, so any of them gets it.
// Throws Error when the accesses are none of this block.
void rebuild_words(std::span<const MemoryOperation> operations, uint32_t executed,
                   std::span<const Access> accesses, bool with_values, ExecutionWords& out);

}  // namespace panda::trace
