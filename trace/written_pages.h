// Which pages of guest memory a chunk changes, so that a search for the last write of a page can skip chunks.
#pragma once

#include <cstdint>
#include <vector>

namespace panda::trace {

// A page of a guest physical address space.
struct PhysicalPage {
    uint32_t address_space = 0;
    uint64_t frame = 0;  // address >> 12

    auto operator<=>(const PhysicalPage&) const = default;
};

// A page of a memory block.
struct BlockPage {
    uint32_t block = 0;  // index into TraceHeader::memory_blocks
    uint64_t page = 0;   // offset >> 12

    auto operator<=>(const BlockPage&) const = default;
};

struct WrittenPages {
    std::vector<PhysicalPage> physical;  // by stores, helpers and the page walker; ascending
    std::vector<BlockPage> transferred;  // by Transfer events; ascending
    // False when there was a store to a page whose translation the trace does not have.
    bool complete = true;

    bool operator==(const WrittenPages&) const = default;
};

}  // namespace panda::trace
