// Finds the pages that a snapshot has to hold. Internal.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "trace/types.h"
#include "trace/writing/encoder.h"
#include "trace/writing/writer.h"

namespace panda::trace {

// Remembers a hash of every page (8 bytes a page), so that the next snapshot can be the difference.
class SnapshotWriter {
  public:
    explicit SnapshotWriter(const std::vector<MemoryBlock>& blocks);

    // Hands the snapshot's page messages and its end to `put`, in order. number: the snapshot's. Throws Error
    // when memory gives a block that is not of its size.
    void write(uint32_t number, SnapshotKind kind, const MemoryProvider& memory,
               const std::function<void(Work)>& put);

  private:
    void write_block(uint32_t block, SnapshotKind kind, std::span<const std::byte> memory);
    void flush();

    std::vector<MemoryBlock> blocks_;
    std::vector<std::vector<uint64_t>> hashes_;  // by block and page, of the last snapshot
    const std::function<void(Work)>* put_ = nullptr;
    PagesWork pages_;  // being filled
    SnapshotEndWork end_;
};

}  // namespace panda::trace
