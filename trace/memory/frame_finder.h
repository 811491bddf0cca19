// Finds the physical pages at which a page of a memory block is seen, under any of a trace's memory maps.
// With these, the page can be looked up in the lists of pages that chunks store to.
#pragma once

#include <cstdint>
#include <vector>

#include "trace/types.h"
#include "trace/written_pages.h"

namespace panda::trace {

class FrameFinder {
  public:
    // maps: all memory maps of the trace (TraceReader::memory_maps).
    explicit FrameFinder(const std::vector<MemoryMap>& maps);

    // The pages of guest physical memory that hold a byte of this page of a block as RAM, under any of the
    // maps; ascending.
    std::vector<PhysicalPage> frames(const BlockPage& page) const;

    // Whether a chunk may have stored to this page of a block. written: the pages that the chunk stores to.
    // frames: what frames() returns for the page.
    static bool may_write(const WrittenPages& written, const BlockPage& page,
                          const std::vector<PhysicalPage>& frames);

  private:
    struct Range {
        uint32_t block;
        uint64_t offset;  // in the block
        uint64_t size;
        uint32_t address_space;
        uint64_t address;

        auto operator<=>(const Range&) const = default;
    };
    std::vector<Range> ranges_;  // of all maps, each once
};

}  // namespace panda::trace
