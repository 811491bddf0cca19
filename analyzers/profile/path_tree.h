// Call paths: which function called which, from the outermost in.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

namespace panda::profile {

// Every path that occurred is a node, and has a number; that of the empty path is 0. A node's parent has a lower number.
// Takes about 60 bytes a node.
class PathTree {
  public:
    struct Node {
        uint32_t parent = 0;
        uint32_t function = 0;  // numbered by the user
    };

    PathTree() { nodes_.emplace_back(); }
    // The path that goes on with a function. Takes a look-up. Past 2^24 nodes and in paths of more than 2^12 functions,
    // it is the parent itself.
    uint32_t child(uint32_t parent, uint32_t function);

    const Node& operator[](uint32_t node) const { return nodes_[node]; }
    uint32_t size() const { return static_cast<uint32_t>(nodes_.size()); }
    // The functions of a path, the outermost first.
    std::vector<uint32_t> functions(uint32_t node) const;

  private:
    std::vector<Node> nodes_;
    std::vector<uint16_t> depths_ = std::vector<uint16_t>(1);  // by node
    std::unordered_map<uint64_t, uint32_t> children_;          // by parent << 32 | function
};

}  // namespace panda::profile
