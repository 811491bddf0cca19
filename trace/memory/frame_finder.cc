#include "trace/memory/frame_finder.h"

#include <algorithm>

namespace panda::trace {

FrameFinder::FrameFinder(const std::vector<MemoryMap>& maps) {
    for (const MemoryMap& map : maps)
        for (const MappedRange& range : map.ranges)
            if (range.kind == RangeKind::ram)
                ranges_.push_back(
                    {range.block, range.block_offset, range.size, map.address_space, range.address});
    std::sort(ranges_.begin(), ranges_.end());
    ranges_.erase(std::unique(ranges_.begin(), ranges_.end()), ranges_.end());
}

std::vector<PhysicalPage> FrameFinder::frames(const BlockPage& page) const {
    const uint64_t begin = page.page * page_size;
    const uint64_t end = begin + page_size;
    std::vector<PhysicalPage> frames;
    for (const Range& range : ranges_) {
        if (range.block != page.block || range.offset >= end || range.offset + range.size <= begin)
            continue;
        const uint64_t first = range.address + (std::max(begin, range.offset) - range.offset);
        const uint64_t last = range.address + (std::min(end, range.offset + range.size) - range.offset) - 1;
        for (uint64_t frame = first / page_size; frame <= last / page_size; ++frame)
            frames.push_back({range.address_space, frame});
    }
    std::sort(frames.begin(), frames.end());
    frames.erase(std::unique(frames.begin(), frames.end()), frames.end());
    return frames;
}

bool FrameFinder::may_write(const WrittenPages& written, const BlockPage& page,
                            const std::vector<PhysicalPage>& frames) {
    return !written.complete ||
           std::binary_search(written.transferred.begin(), written.transferred.end(), page) ||
           std::any_of(frames.begin(), frames.end(), [&](const PhysicalPage& frame) {
               return std::binary_search(written.physical.begin(), written.physical.end(), frame);
           });
}

}  // namespace panda::trace
