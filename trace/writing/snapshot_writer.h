// Finds the pages that a snapshot must hold. Internal.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "trace/types.h"
#include "trace/writing/encoder.h"
#include "trace/writing/writer.h"

namespace panda::trace {

// Remembers a hash of every page (8 bytes for each), so that the next snapshot need only hold what changed.
class SnapshotWriter {
  public:
    // blocks: TraceHeader::memory_blocks.
    explicit SnapshotWriter(const std::vector<MemoryBlock>& blocks);

    // Hands the snapshot's pages and its end to `put`, in order. number: that of the snapshot. memory: gives
    // the content of each block. Throws Error when it gives a block of the wrong size.
    void write(uint32_t number, SnapshotKind kind, const MemoryProvider& memory,
               const std::function<void(Work)>& put);

  private:
    void write_block(uint32_t block, SnapshotKind kind, std::span<const std::byte> memory);
    void flush();

    std::vector<MemoryBlock> blocks_;
    std::vector<std::vector<uint64_t>> hashes_;  // by block and page, of the last snapshot
    const std::function<void(Work)>* put_ = nullptr;
    PagesWork pages_;  // the one being filled
    SnapshotEndWork end_;
};

}  // namespace panda::trace
