// A part of a snapshot: up to 1 MiB of pages of one memory block, still compressed. Internal.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trace/format/message.h"

namespace panda::trace {

struct PageGroup {
    Frame frame;       // the message that holds the group
    std::string path;  // of the trace, for errors
    uint32_t block = 0;
    std::vector<uint32_t> pages;       // page numbers in the block, in the order of `content`
    std::vector<uint32_t> zero_pages;  // pages that became zero
    ColumnView content;                // in the frame

    // The content of `pages`, page after page. Throws FileError when it is damaged.
    Bytes load() const;
};

}  // namespace panda::trace
