// What several executions did to memory that were decoded together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "trace/access.h"

namespace panda::trace {

// Executions that follow one another with nothing between them. Belongs to a ChunkCursor, and is valid until
// it goes on to the next group.
class AccessGroup {
  public:
    AccessGroup(const Access* accesses, const uint32_t* begins, const uint32_t* stores,
                const uint32_t* store_begins)
        : accesses_(accesses), begins_(begins), stores_(stores), store_begins_(store_begins) {}

    // What an execution did, in order. number: of the execution in the group.
    std::span<const Access> operator[](size_t number) const {
        return {accesses_ + begins_[number], accesses_ + begins_[number + 1]};
    }
    // The stores of all executions are numbered: those of the executions before this one. Not in a group of
    // one execution that has other accesses than its block's own.
    size_t stores_before(size_t number) const { return store_begins_[number]; }
    const Access& store(size_t index) const { return accesses_[stores_[index]]; }

  private:
    const Access* accesses_;
    const uint32_t* begins_;        // by execution, and the end: in accesses_
    const uint32_t* stores_;        // indexes in accesses_
    const uint32_t* store_begins_;  // by execution, and the end: in stores_
};

}  // namespace panda::trace
