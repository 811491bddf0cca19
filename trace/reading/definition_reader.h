// Collects what messages define: blocks and memory maps. Internal.
#pragma once

#include <vector>

#include "trace/coding/block_table.h"
#include "trace/format/message.h"
#include "trace/types.h"

namespace panda::trace {

class DefinitionReader {
  public:
    // header: outlives this. tcg: whether to keep TCG operations.
    explicit DefinitionReader(const TraceHeader& header, bool tcg = false) : header_(header), tcg_(tcg) {}

    // Takes a Definitions or MemoryMap message. Known ones are passed over; a hole throws FileError.
    void add(const MessageView& view);

    const BlockTable& blocks() const { return blocks_; }
    const std::vector<MemoryMap>& memory_maps() const { return memory_maps_; }

  private:
    void add_blocks(schema::Definitions::Reader in);
    void add_memory_map(schema::MemoryMap::Reader in);

    const TraceHeader& header_;
    bool tcg_;
    BlockTable blocks_;
    std::vector<MemoryMap> memory_maps_;
};

}  // namespace panda::trace
