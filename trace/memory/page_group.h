// Up to 1 MiB of a snapshot's pages, still compressed. Internal.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trace/format/message.h"

namespace panda::trace {

struct PageGroup {
    Frame frame;
    std::string path;
    uint32_t block = 0;
    std::vector<uint32_t> pages;  // page numbers of `content`
    std::vector<uint32_t> zero_pages;
    ColumnView content;  // in the frame

    // The content of `pages`, page after page. Throws FileError when it is damaged.
    Bytes load() const;
};

}  // namespace panda::trace
