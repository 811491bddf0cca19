// What several executions that were decoded together did to memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "trace/access.h"

namespace panda::trace {

// The accesses of executions that follow one another with nothing between them. The arrays belong to a
// ChunkCursor, and are valid until it goes on to the next group.
class AccessGroup {
  public:
    // The parameters are the members below.
    AccessGroup(const Access* accesses, const uint32_t* begins, const uint32_t* stores,
                const uint32_t* store_begins)
        : accesses_(accesses), begins_(begins), stores_(stores), store_begins_(store_begins) {}

    // What an execution did, in order of time. number: of the execution in the group, from 0.
    std::span<const Access> operator[](size_t number) const {
        return {accesses_ + begins_[number], accesses_ + begins_[number + 1]};
    }
    // The stores of all executions in the group are numbered from 0, in order of time. stores_before(): how
    // many of them belong to executions before this one. store(): the store with this number. A group of one
    // execution that has other accesses than its block's own does not number them (ChunkCursor::NextGroup).
    size_t stores_before(size_t number) const { return store_begins_[number]; }
    const Access& store(size_t index) const { return accesses_[stores_[index]]; }

    // The arrays themselves, for who keeps the group longer.
    const uint32_t* begins() const { return begins_; }
    const uint32_t* stores() const { return stores_; }
    const uint32_t* store_begins() const { return store_begins_; }

  private:
    const Access* accesses_;
    const uint32_t* begins_;        // where an execution's accesses start in accesses_; one more for the end
    const uint32_t* stores_;        // indexes of the stores in accesses_
    const uint32_t* store_begins_;  // where an execution's stores start in stores_; one more for the end
};

}  // namespace panda::trace
