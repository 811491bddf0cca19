// Sets of labels, each of them once, with a number of 24 bits: what a byte of shadow says (byte_taint.h).
//
// A set is a Patricia tree over the labels' upper bits, with bitmaps of 32 labels as leaves. Equal subtrees are one
// node, so equal sets have equal numbers, and the sets of a running sum over a file share almost everything. Numbers of
// sets that nothing refers to any more are used again (see sweep()), which is why reports never print them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/error.h"
#include "common/large_vector.h"

namespace panda::taint {

using Label = uint32_t;
// A set, or with depths a set and a depth. 0: no label at all.
using Tag = uint32_t;
inline constexpr Tag clean = 0;
inline constexpr unsigned tag_bits = 24;

struct SetLimits {
    uint64_t max_labels = 0;  // in a set; a larger one becomes the set of overflow_label alone. 0: no limit
    bool depths = false;      // also count computations: see Tags::computed()
    uint32_t max_depth = 1 << 16;  // counts stop there
};

// Stands for "more labels than SetLimits::max_labels".
inline constexpr Label overflow_label = ~Label{0};

// The sets themselves.
class LabelSets {
  public:
    LabelSets();
    // The set of one label. Throws Error when no number is left; so does unite().
    uint32_t single(Label label);
    // Takes a few nanoseconds when it was asked before, else a time that grows with the sets' difference.
    uint32_t unite(uint32_t a, uint32_t b);
    // How many labels a set has.
    uint64_t count(uint32_t set) const { return nodes_[set].count; }
    // Calls function(label) for each label, ascending.
    template <typename Function>
    void for_each(uint32_t set, const Function& function) const {
        if (set == 0)
            return;
        const Node& node = nodes_[set];
        if (is_leaf(node)) {
            for (uint32_t bits = node.left; bits != 0; bits &= bits - 1)
                function((node.head & ~31u) | static_cast<uint32_t>(__builtin_ctz(bits)));
            return;
        }
        for_each(node.left, function);
        for_each(node.right, function);
    }

    // How many nodes there are, of at most max_nodes.
    size_t used() const { return nodes_.size() - 1 - free_.size(); }
    static constexpr size_t max_nodes = (size_t{1} << tag_bits) - 1;

    // Frees all sets that are not part of a marked one: mark() each that is still needed, then sweep().
    void mark(uint32_t set);
    void sweep();

  private:
    // head: of a leaf the labels' upper 27 bits, and 0 in the lower five. Of a branch the upper bits that all its
    // labels share, and in the lower five 1 + the number of the bit, of the 27, in which the two sides differ.
    struct Node {
        uint32_t head;
        uint32_t left;  // of a leaf: the bitmap
        uint32_t right;
        uint32_t count;
    };
    static bool is_leaf(const Node& node) { return (node.head & 31) == 0; }
    static uint64_t hash(uint32_t head, uint32_t left, uint32_t right);

    uint32_t intern(uint32_t head, uint32_t left, uint32_t right);
    uint32_t join(uint32_t a, uint32_t b);
    uint32_t merge(uint32_t a, uint32_t b);
    uint32_t insert_into(uint32_t branch, uint32_t set);
    void rehash(size_t size);

    LargeVector<Node> nodes_;      // by number; the first one is the empty set
    LargeVector<uint32_t> table_;  // open addressing: a number, and above it bits of its hash; 0 = free
    std::vector<uint32_t> free_;   // numbers, the lowest last
    std::vector<bool> marked_;
    struct Cached {
        uint32_t a, b, result;
    };
    LargeVector<Cached> cache_;  // of unite(), direct-mapped
};

// What a byte is labelled with. Without depths, a tag is a set; with depths, a set and how many computations lie between
// the source and the byte (the manual's taint compute number).
class Tags {
  public:
    explicit Tags(const SetLimits& limits = {});

    Tag of_label(Label label) { return tag_of(sets_.single(label), 0); }
    // All labels of both; the larger depth.
    Tag unite(Tag a, Tag b) {
        if (a == b || b == clean)
            return a;
        return a == clean ? b : unite_slowly(a, b);
    }
    // What a computation makes of it: one deeper. A copy stays as it is.
    Tag computed(Tag tag) { return limits_.depths && tag != clean ? deeper(tag) : tag; }

    uint64_t count(Tag tag) const { return sets_.count(set_of(tag)); }
    uint32_t depth(Tag tag) const { return limits_.depths ? pairs_[tag].second : 0; }
    // Calls function(label) for each label, ascending.
    template <typename Function>
    void for_each(Tag tag, const Function& function) const {
        sets_.for_each(set_of(tag), function);
    }
    std::vector<Label> labels(Tag tag) const;

    // --- Numbers that are not used any more ---

    // Whether it is time to free some: then mark() all tags that are in use, and call sweep(). It is never necessary
    // within a block.
    bool crowded() const { return used() >= limit_; }
    void mark(Tag tag);
    void sweep();

    // How often a set became larger than the limit, and a depth.
    uint64_t overflows() const { return overflows_; }
    uint64_t deepest() const { return too_deep_; }
    size_t used() const { return pairs_.size() - free_pairs_.size() + sets_.used(); }

  private:
    uint32_t set_of(Tag tag) const { return limits_.depths ? pairs_[tag].first : tag; }
    Tag tag_of(uint32_t set, uint32_t depth);
    Tag unite_slowly(Tag a, Tag b);
    Tag deeper(Tag tag);

    static constexpr size_t first_limit = size_t{1} << 22;
    static constexpr size_t last_limit = (size_t{1} << tag_bits) - (size_t{1} << 21);

    SetLimits limits_;
    LabelSets sets_;
    size_t limit_ = first_limit;
    uint64_t overflows_ = 0;
    uint64_t too_deep_ = 0;
    // With depths: by tag; and which tag a pair has.
    std::vector<std::pair<uint32_t, uint32_t>> pairs_;
    std::unordered_map<uint64_t, Tag> pair_tags_;
    std::vector<Tag> free_pairs_;
    std::vector<bool> marked_pairs_;
};

}  // namespace panda::taint
