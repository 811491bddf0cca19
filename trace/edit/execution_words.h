// Makes the words that a TraceWriter takes from the accesses that a reader gives. Internal.
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

// Changes a block's operations so that none is counted from anything outside the block: each has an address
// word, or is derived from an operation of the same block that has one. Then they can be used in a trace that
// follows no registers.
std::vector<MemoryOperation> operations_alone(std::span<const MemoryOperation> operations);

// Finds the words and the inner events of one execution. operations: from operations_alone(). executed: how
// many instructions the execution executed. accesses: of the execution, in order of time. with_values:
// whether stores have their values. out: gets the result. If several operations could have made an access,
// any of them gets it, because the accesses do not show which one did. Throws Error when the accesses cannot
// be those of this block.
void rebuild_words(std::span<const MemoryOperation> operations, uint32_t executed,
                   std::span<const Access> accesses, bool with_values, ExecutionWords& out);

}  // namespace panda::trace
