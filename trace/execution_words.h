// From what an execution did back to what a TraceWriter takes. Internal.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "trace/access.h"
#include "trace/block_table.h"
#include "trace/inner_event.h"

namespace panda::trace {

struct ExecutionWords {
    std::vector<uint64_t> words;    // as MemoryOperation says
    std::vector<InnerEvent> inner;  // by ascending place
};

// accesses: of an execution of `block` that executed so many instructions, in order; with_values: with the
// values of stores. Which of several operations of the same kind made an access that either could have made
// does not show in the accesses, so any of them gets it. Throws Error when the accesses are none of this
// block.
void rebuild_words(const BlockView& block, uint32_t executed, std::span<const Access> accesses,
                   bool with_values, ExecutionWords& out);

}  // namespace panda::trace
