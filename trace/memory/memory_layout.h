// All memory blocks of a guest, one behind the other, so that one number (a flat address) names any byte of
// its memory under every memory map.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "common/error.h"
#include "trace/types.h"

namespace panda::trace {

class MemoryLayout {
  public:
    // blocks: TraceHeader::memory_blocks. Throws Error when their sizes add up to more than 64 bits hold.
    explicit MemoryLayout(const std::vector<MemoryBlock>& blocks) {
        for (const MemoryBlock& block : blocks) {
            begins_.push_back(size_);
            if (__builtin_add_overflow(size_, block.size, &size_))
                throw Error("the memory blocks of the guest are larger than 64 bits can count");
        }
    }

    // The size of all blocks together, in bytes.
    uint64_t size() const { return size_; }
    // The flat address of a byte. block: index into TraceHeader::memory_blocks. offset: in the block.
    uint64_t flat(uint32_t block, uint64_t offset) const { return begins_[block] + offset; }
    size_t block_count() const { return begins_.size(); }
    // Bytes of a block. block: below block_count().
    uint64_t block_size(uint32_t block) const {
        return (block + 1 < begins_.size() ? begins_[block + 1] : size_) - begins_[block];
    }

    struct Place {
        uint32_t block;
        uint64_t offset;
    };
    // The block and the offset that a flat address means. flat: below size().
    Place place(uint64_t flat) const {
        const auto after = std::upper_bound(begins_.begin(), begins_.end(), flat);
        const auto block = static_cast<uint32_t>(after - begins_.begin() - 1);
        return {block, flat - begins_[block]};
    }

  private:
    std::vector<uint64_t> begins_;
    uint64_t size_ = 0;
};

}  // namespace panda::trace
