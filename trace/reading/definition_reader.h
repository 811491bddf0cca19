// Collects what messages define: blocks and memory maps. Internal.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "trace/coding/block_table.h"
#include "trace/format/message.h"
#include "trace/types.h"

namespace panda::trace {

class DefinitionReader {
  public:
    // header: must outlive this. tcg: whether to keep TCG operations.
    explicit DefinitionReader(const TraceHeader& header, bool tcg = false) : header_(header), tcg_(tcg) {}

    // Adds the blocks of a Definitions message, or the map of a MemoryMap message. What is known already is
    // skipped. Throws FileError when the message leaves a gap in the numbers, or is damaged.
    void add(const MessageView& view);
    // Adds the blocks of these Definitions messages on all of the machine's processors, which pays for thousands of them.
    // frames: in the order of ids, the first going on with what there is. total: blocks of the whole trace, to make room
    // for. Throws as add() does; blocks() is as before then, or has the first of them.
    void add_all(std::span<const Frame> frames, const std::string& path, uint32_t total);

    // Everything added so far, by number.
    const BlockTable& blocks() const { return blocks_; }
    const std::vector<MemoryMap>& memory_maps() const { return memory_maps_; }

  private:
    void add_blocks(schema::Definitions::Reader in, BlockTable& table, uint32_t first_id) const;
    void add_memory_map(schema::MemoryMap::Reader in);

    const TraceHeader& header_;
    bool tcg_;
    BlockTable blocks_;
    std::vector<MemoryMap> memory_maps_;
};

}  // namespace panda::trace
