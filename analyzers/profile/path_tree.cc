#include "analyzers/profile/path_tree.h"

#include <algorithm>

namespace panda::profile {
namespace {

constexpr uint32_t max_nodes = 1 << 24;
constexpr uint16_t max_depth = 1 << 12;

}  // namespace

uint32_t PathTree::child(uint32_t parent, uint32_t function) {
    const uint64_t key = uint64_t{parent} << 32 | function;
    const auto found = children_.find(key);
    if (found != children_.end())
        return found->second;
    if (size() >= max_nodes || depths_[parent] >= max_depth)
        return parent;
    const uint32_t node = size();
    nodes_.push_back({parent, function});
    depths_.push_back(static_cast<uint16_t>(depths_[parent] + 1));
    children_.emplace(key, node);
    return node;
}

std::vector<uint32_t> PathTree::functions(uint32_t node) const {
    std::vector<uint32_t> path;
    for (; node != 0; node = nodes_[node].parent)
        path.push_back(nodes_[node].function);
    std::reverse(path.begin(), path.end());
    return path;
}

}  // namespace panda::profile
