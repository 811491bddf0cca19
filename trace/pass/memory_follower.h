// Guest memory that goes along with a pass over a trace.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "trace/access.h"
#include "trace/access_group.h"
#include "trace/event.h"
#include "trace/memory/flat_memory.h"
#include "trace/memory/guest_memory.h"
#include "trace/memory/mapped_memory.h"
#include "trace/memory/store_router.h"
#include "trace/reading/chunk.h"
#include "trace/types.h"

namespace panda::trace {

// Starts from a snapshot and applies what ChunkWalk hands over:
//
//     follower.restore(reader.memory_at(0));
//     for each chunk after that snapshot:
//         follower.start(chunk);
//         walk.go<CursorColumns::memory>(chunk, visitor);   // calls apply() for all accesses and events
//
// It gives guest memory, by physical address and by memory block, as it is after everything that was applied.
// It takes as much of the host's memory as the guest has pages that are not zero, at most the guest's size.
// Applying costs about 2 ns a store. The trace must have been made with the values of stores.
class MemoryFollower final : public MappedMemory {
  public:
    // header, maps: of the trace (TraceReader::memory_maps). maps must outlive this, and may grow. Throws
    // Error when the host has no room for the guest's memory.
    MemoryFollower(const TraceHeader& header, const std::vector<MemoryMap>& maps);

    // Becomes the memory of a snapshot, with its memory maps.
    void restore(const GuestMemory& memory);
    // Starts a chunk. Throws FileError when its translations are damaged, Error when it names a memory map
    // that is not there.
    void start(const Chunk& chunk);
    // Applies what an execution did, in order of time.
    void apply(std::span<const Access> accesses) {
        if (group_)
            ++due_;
        else
            router_.apply(accesses);
    }
    // Applies what an execution did, outside of a group, and returns its loads and stores in order of time, loads
    // with what they loaded. Loads from devices are left out. Valid until the next call. Takes about 3 ns a load.
    std::span<const Access> apply_with_values(std::span<const Access> accesses);
    // Applies what an event changes: a device's write, another memory map. Throws Error when it names a
    // memory map that is not there.
    void apply(const Event& event);
    // Says that the executions of a group come next, from the one with number `first` on: one call of apply()
    // for each of them, and then end_group(). What they store is put into memory when somebody reads memory,
    // and at the group's end; loads are not even looked at.
    void begin_group(const AccessGroup& group, size_t first) {
        group_ = group;
        due_ = first;
        stored_ = group.stores_before(first);
    }
    // Puts all that is left of the group into memory.
    void end_group() {
        settle();
        group_.reset();
    }

    // As MappedMemory::read_block; does not touch the trace any more.
    bool read_block(uint32_t block, uint64_t offset, std::span<std::byte> out) const override;

    // All of memory.
    const FlatMemory& flat() const {
        settle();
        return flat_;
    }
    // Where virtual addresses lead, after everything that was applied.
    const StoreTranslations& translations() const { return router_.translations(); }
    // Numbers of the pages that were stored to since the last call: see FlatMemory::take_stored_pages.
    std::vector<uint64_t> take_stored_pages();

    // How many stores no translation leads anywhere, and how many writes of devices were outside of memory: 0
    // in sum for a trace that does not contradict itself.
    uint64_t lost_stores() const {
        settle();
        return router_.lost_stores() + lost_transfers_;
    }
    // Throws Error when anything was lost.
    void require_nothing_lost() const;

  private:
    void change_map(uint32_t number);
    // Puts the stores of the group's executions up to here into memory.
    void settle() const {
        if (!group_)
            return;
        const size_t due = group_->stores_before(due_);
        router_.apply(*group_, stored_, due);
        stored_ = due;
    }

    const std::vector<MemoryMap>& all_maps_;
    mutable FlatMemory flat_;
    mutable StoreRouter<FlatMemory> router_;
    uint64_t lost_transfers_ = 0;
    std::optional<AccessGroup> group_;
    std::vector<Access> valued_;  // of the last apply_with_values()
    size_t due_ = 0;              // executions of the group that are over
    mutable size_t stored_ = 0;   // stores of the group that are in memory
};

}  // namespace panda::trace
