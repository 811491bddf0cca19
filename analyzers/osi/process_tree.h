// Orders processes as a tree of parents and children.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "osi/provider.h"

namespace panda::analyze_osi {

struct TreePlace {
    size_t index = 0;    // into the given processes
    unsigned depth = 0;  // 0: its parent is not there
    std::string branch;  // the lines that lead to the name in text, as in ps --forest: " |   \_ "
};

// Every process once, children after their parent, and otherwise in the given order. A circle of parents,
// which damaged memory can show, is cut at the process that comes first.
std::vector<TreePlace> make_tree(const std::vector<osi::Process>& processes);

}  // namespace panda::analyze_osi
