#include "trace/memory/snapshot.h"

#include "trace/memory/page_group.h"

namespace panda::trace {

void Snapshot::for_each_page_number(const std::function<void(uint32_t, uint64_t)>& function) const {
    for (const PageGroup& group : *groups_) {
        for (const uint32_t page : group.pages)
            function(group.block, page);
        for (const uint32_t page : group.zero_pages)
            function(group.block, page);
    }
}

}  // namespace panda::trace
