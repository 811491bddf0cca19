#include "analyzers/taint/label_sets.h"

#include <algorithm>
#include <bit>

namespace panda::taint {
namespace {

constexpr size_t first_table = size_t{1} << 12;
constexpr size_t cache_size = size_t{1} << 14;
constexpr uint32_t leaf_bits = 5;
constexpr uint32_t number_mask = (uint32_t{1} << tag_bits) - 1;

// What the table has of a node: eight bits of its hash save a look at most others, which are not in the caches.
uint32_t entry(uint64_t sum, uint32_t number) {
    return static_cast<uint32_t>(sum >> 32 << tag_bits) | number;
}

// The bits of a head that all labels below a branch share: those above the branch's own bit.
uint32_t prefix_mask(uint32_t head) {
    const uint32_t bit = (head & 31) + leaf_bits - 1;  // of the label
    return bit == 31 ? 0 : ~uint32_t{0} << (bit + 1);
}
uint32_t branch_bit(uint32_t head) {
    return uint32_t{1} << ((head & 31) + leaf_bits - 1);
}

}  // namespace

LabelSets::LabelSets() : nodes_{Node{}}, table_(first_table), cache_(cache_size) {}

uint64_t LabelSets::hash(uint32_t head, uint32_t left, uint32_t right) {
    uint64_t value = (uint64_t{head} << 32 | left) * 0x9e37'79b9'7f4a'7c15;
    value = (value ^ (value >> 29) ^ right) * 0xbf58'476d'1ce4'e5b9;
    return value >> 24;
}

void LabelSets::rehash(size_t size) {
    table_.assign(size, 0);
    for (uint32_t number = 1; number < nodes_.size(); ++number) {
        const Node& node = nodes_[number];
        if (node.count == 0)  // free
            continue;
        const uint64_t sum = hash(node.head, node.left, node.right);
        size_t at = sum & (size - 1);
        while (table_[at] != 0)
            at = (at + 1) & (size - 1);
        table_[at] = entry(sum, number);
    }
}

uint32_t LabelSets::intern(uint32_t head, uint32_t left, uint32_t right) {
    const uint64_t sum = hash(head, left, right);
    size_t at = sum & (table_.size() - 1);
    for (; table_[at] != 0; at = (at + 1) & (table_.size() - 1)) {
        if (((table_[at] ^ entry(sum, 0)) & ~number_mask) != 0)
            continue;
        const uint32_t number = table_[at] & number_mask;
        const Node& node = nodes_[number];
        if (node.head == head && node.left == left && node.right == right)
            return number;
    }
    uint32_t number = 0;
    if (!free_.empty()) {
        number = free_.back();
        free_.pop_back();
    } else {
        if (nodes_.size() > max_nodes)
            throw Error(
                "there are more sets of labels than 24 bits can number; limit them with --max-labels");
        number = static_cast<uint32_t>(nodes_.size());
        nodes_.emplace_back();
    }
    const bool leaf = (head & 31) == 0;
    nodes_[number] = {
        head, left, right,
        leaf ? static_cast<uint32_t>(std::popcount(left)) : nodes_[left].count + nodes_[right].count};
    table_[at] = entry(sum, number);
    if (2 * used() > table_.size())
        rehash(2 * table_.size());
    return number;
}

uint32_t LabelSets::single(Label label) {
    return intern(label & ~31u, uint32_t{1} << (label & 31), 0);
}

// Two sets of which neither's labels lie within the range of the other.
uint32_t LabelSets::join(uint32_t a, uint32_t b) {
    const uint32_t key_a = nodes_[a].head & ~31u;
    const uint32_t key_b = nodes_[b].head & ~31u;
    const auto bit = static_cast<uint32_t>(31 - std::countl_zero(key_a ^ key_b));
    const uint32_t shared = bit == 31 ? 0 : key_a & (~uint32_t{0} << (bit + 1));
    const uint32_t head = shared | (bit - leaf_bits + 1);
    return key_a < key_b ? intern(head, a, b) : intern(head, b, a);
}

// A set whose labels lie all on one side of a branch.
uint32_t LabelSets::insert_into(uint32_t branch, uint32_t set) {
    const Node node = nodes_[branch];
    if ((nodes_[set].head & branch_bit(node.head)) == 0)
        return intern(node.head, unite(node.left, set), node.right);
    return intern(node.head, node.left, unite(node.right, set));
}

uint32_t LabelSets::merge(uint32_t a, uint32_t b) {
    const Node left = nodes_[a];
    const Node right = nodes_[b];
    const bool leaf_a = is_leaf(left);
    const bool leaf_b = is_leaf(right);
    if (leaf_a && leaf_b)
        return left.head == right.head ? intern(left.head, left.left | right.left, 0) : join(a, b);
    const uint32_t key_a = left.head & ~31u;
    const uint32_t key_b = right.head & ~31u;
    const auto inside = [](uint32_t key, const Node& branch) {
        return ((key ^ branch.head) & prefix_mask(branch.head)) == 0;
    };
    const uint32_t level_a = left.head & 31;
    const uint32_t level_b = right.head & 31;
    if (level_a == level_b)
        return key_a == key_b
                   ? intern(left.head, unite(left.left, right.left), unite(left.right, right.right))
                   : join(a, b);
    if (level_a > level_b)
        return inside(key_b, left) ? insert_into(a, b) : join(a, b);
    return inside(key_a, right) ? insert_into(b, a) : join(a, b);
}

uint32_t LabelSets::unite(uint32_t a, uint32_t b) {
    if (a == b || b == 0)
        return a;
    if (a == 0)
        return b;
    if (a > b)
        std::swap(a, b);
    const size_t slot = hash(a, b, 0) & (cache_size - 1);
    if (cache_[slot].a == a && cache_[slot].b == b)
        return cache_[slot].result;
    const uint32_t result = merge(a, b);
    cache_[slot] = {a, b, result};
    return result;
}

void LabelSets::mark(uint32_t set) {
    if (marked_.size() < nodes_.size())
        marked_.resize(nodes_.size());
    if (set == 0 || marked_[set])
        return;
    marked_[set] = true;
    if (!is_leaf(nodes_[set])) {
        mark(nodes_[set].left);
        mark(nodes_[set].right);
    }
}

void LabelSets::sweep() {
    marked_.resize(nodes_.size());
    free_.clear();
    for (auto number = static_cast<uint32_t>(nodes_.size() - 1); number > 0; --number) {
        if (!marked_[number]) {
            nodes_[number] = {};
            free_.push_back(number);
        }
    }
    marked_.clear();
    std::ranges::fill(cache_, Cached{});
    rehash(table_.size());
}

Tags::Tags(const SetLimits& limits) : limits_(limits) {
    if (limits_.depths) {
        pairs_.emplace_back(0, 0);
        pair_tags_.emplace(0, 0);
    }
}

Tag Tags::tag_of(uint32_t set, uint32_t depth) {
    if (!limits_.depths)
        return set;
    if (depth > limits_.max_depth) {
        depth = limits_.max_depth;
        ++too_deep_;
    }
    const auto [found, added] = pair_tags_.try_emplace(uint64_t{set} << 32 | depth, 0);
    if (added) {
        if (!free_pairs_.empty()) {
            found->second = free_pairs_.back();
            free_pairs_.pop_back();
            pairs_[found->second] = {set, depth};
        } else {
            if (pairs_.size() > LabelSets::max_nodes)
                throw Error("there are more sets of labels than 24 bits can number");
            found->second = static_cast<Tag>(pairs_.size());
            pairs_.emplace_back(set, depth);
        }
    }
    return found->second;
}

Tag Tags::unite_slowly(Tag a, Tag b) {
    uint32_t set = 0;
    if (limits_.max_labels == 0) {
        set = sets_.unite(set_of(a), set_of(b));
    } else {
        const uint32_t overflow = sets_.single(overflow_label);
        set = set_of(a) == overflow || set_of(b) == overflow ? overflow : sets_.unite(set_of(a), set_of(b));
        if (sets_.count(set) > limits_.max_labels) {
            ++overflows_;
            set = overflow;
        }
    }
    return tag_of(set, limits_.depths ? std::max(pairs_[a].second, pairs_[b].second) : 0);
}

Tag Tags::deeper(Tag tag) {
    return tag_of(pairs_[tag].first, pairs_[tag].second + 1);
}

std::vector<Label> Tags::labels(Tag tag) const {
    std::vector<Label> all;
    all.reserve(count(tag));
    for_each(tag, [&all](Label label) { all.push_back(label); });
    return all;
}

void Tags::mark(Tag tag) {
    if (limits_.depths) {
        marked_pairs_.resize(pairs_.size());
        marked_pairs_[tag] = true;
    }
    sets_.mark(set_of(tag));
}

void Tags::sweep() {
    if (limits_.depths) {
        marked_pairs_.resize(pairs_.size());
        free_pairs_.clear();
        for (auto tag = static_cast<Tag>(pairs_.size() - 1); tag > 0; --tag) {
            if (!marked_pairs_[tag]) {
                pair_tags_.erase(uint64_t{pairs_[tag].first} << 32 | pairs_[tag].second);
                pairs_[tag] = {};
                free_pairs_.push_back(tag);
            }
        }
        pair_tags_[0] = 0;
        marked_pairs_.clear();
    }
    sets_.sweep();
    const size_t live = used();
    limit_ = std::clamp(2 * live, first_limit, last_limit);
    if (live >= last_limit)
        throw Error("there are more sets of labels than 24 bits can number; limit them with --max-labels");
}

}  // namespace panda::taint
