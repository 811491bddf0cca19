// Puts a snapshot together from its messages. Internal.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trace/format/message.h"
#include "trace/memory/page_group.h"
#include "trace/memory/snapshot.h"
#include "trace/types.h"

namespace panda::trace {

class SnapshotReader {
  public:
    // view: the snapshot's first message. path: of the trace, for errors. header: must outlive this. maps:
    // the trace's memory maps before the snapshot, by number. keep_pages: false only checks and counts the
    // pages. Throws FileError for damage.
    SnapshotReader(const MessageView& view, const std::string& path, const TraceHeader& header,
                   const std::vector<MemoryMap>& maps, bool keep_pages);

    // Takes the next message; returns true when the snapshot is whole. Throws FileError for a message that
    // does not belong here, and for damage.
    bool add(const MessageView& view);
    // The snapshot, after add() returned true.
    Snapshot take();

  private:
    void add_pages(schema::Pages::Reader pages, const Frame& frame);
    void check_end(schema::SnapshotEnd::Reader end) const;

    std::string path_;
    const TraceHeader& header_;
    bool keep_pages_;
    Snapshot snapshot_;
    std::vector<PageGroup> groups_;
    uint32_t message_count_ = 0;
};

}  // namespace panda::trace
