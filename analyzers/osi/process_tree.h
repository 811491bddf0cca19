// Processes as a tree of parents and children.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "osi/provider.h"

namespace panda::analyze_osi {

struct TreePlace {
    size_t index = 0;    // into the processes given
    unsigned depth = 0;  // 0: no parent is there
    std::string branch;  // what leads to the name in text, as in ps --forest: " |   \_ "
};

// Every process once, children after their parent, and otherwise in the order given. Parents that go in a
// circle, which damaged memory can show, are cut at the process that comes first.
std::vector<TreePlace> make_tree(const std::vector<osi::Process>& processes);

}  // namespace panda::analyze_osi
