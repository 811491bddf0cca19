// Which physical pages a piece of a memory block is seen at, under any of a trace's memory maps: to look a
// page up in the lists of pages that chunks store to.
#pragma once

#include <cstdint>
#include <vector>

#include "trace/types.h"
#include "trace/written_pages.h"

namespace panda::trace {

class FrameFinder {
  public:
    explicit FrameFinder(const std::vector<MemoryMap>& maps);

    // Pages of guest physical memory that hold a byte of this page of a block, under some map. Ascending.
    std::vector<PhysicalPage> frames(const BlockPage& page) const;

    // Whether a chunk that stores to these pages may store to this page of a block. frames: of that page.
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
