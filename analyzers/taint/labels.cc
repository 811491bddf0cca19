#include "analyzers/taint/labels.h"

#include <algorithm>

#include "common/json_value.h"

namespace panda::taint {

uint32_t LabelNames::source(const Source& source) {
    const auto [found, added] = source_numbers_.try_emplace(source, static_cast<uint32_t>(sources_.size()));
    if (added) {
        sources_.push_back(source);
        counts_.push_back(0);
    }
    return found->second;
}

Label LabelNames::label(uint32_t source, uint64_t position) {
    const auto [found, added] =
        block_numbers_.try_emplace({source, position >> block_bits}, static_cast<uint32_t>(blocks_.size()));
    if (added) {
        if (blocks_.size() == (overflow_label >> block_bits))
            throw Error("there are more labelled positions than 32 bits can number");
        blocks_.push_back({source, position >> block_bits << block_bits, std::vector<bool>(block_size)});
    }
    const uint64_t within = position & (block_size - 1);
    Block& block = blocks_[found->second];
    if (!block.given[within]) {
        block.given[within] = true;
        ++counts_[source];
    }
    return static_cast<Label>(found->second << block_bits | within);
}

namespace {

// Sorts, and joins what follows one another.
std::vector<SourceRange> joined(std::vector<SourceRange> ranges) {
    std::ranges::sort(ranges, [](const SourceRange& a, const SourceRange& b) {
        return std::pair(a.source, a.first) < std::pair(b.source, b.first);
    });
    std::vector<SourceRange> result;
    for (const SourceRange& range : ranges) {
        if (!result.empty() && result.back().source == range.source && result.back().last + 1 == range.first)
            result.back().last = range.last;
        else
            result.push_back(range);
    }
    return result;
}

}  // namespace

std::vector<SourceRange> LabelNames::all() const {
    std::vector<SourceRange> ranges;
    for (const Block& block : blocks_)
        for (uint64_t i = 0; i < block_size; ++i)
            if (block.given[i])
                ranges.push_back({block.source, block.position + i, block.position + i});
    return joined(std::move(ranges));
}

std::vector<SourceRange> LabelNames::ranges(const Tags& tags, Tag tag) {
    std::vector<SourceRange> ranges;
    bool many = false;
    tags.for_each(tag, [&](Label label) {
        if (label == overflow_label) {
            many = true;
            return;
        }
        const Block& block = blocks_[label >> block_bits];
        const uint64_t position = block.position + (label & (block_size - 1));
        if (!ranges.empty() && ranges.back().source == block.source && ranges.back().last + 1 == position)
            ranges.back().last = position;
        else
            ranges.push_back({block.source, position, position});
    });
    if (many)
        ranges.push_back({source({"limit", "many"}), 0, 0});
    return joined(std::move(ranges));
}

std::string LabelNames::text(const std::vector<SourceRange>& ranges) const {
    std::string text;
    for (size_t i = 0; i < ranges.size(); ++i) {
        const SourceRange& range = ranges[i];
        if (i == 0 || ranges[i - 1].source != range.source)
            text += (i == 0 ? "" : " ") + sources_[range.source].name + ":";
        else
            text += ",";
        text += std::to_string(range.first);
        if (range.last != range.first)
            text += "-" + std::to_string(range.last);
    }
    return text;
}

Json LabelNames::json(const std::vector<SourceRange>& ranges) const {
    Json list = Json::array();
    for (size_t i = 0; i < ranges.size(); ++i) {
        const SourceRange& range = ranges[i];
        if (i == 0 || ranges[i - 1].source != range.source)
            list.push_back({{"kind", sources_[range.source].kind},
                            {"source", sources_[range.source].name},
                            {"ranges", Json::array()}});
        list.back()["ranges"].push_back(Json::array({range.first, range.last}));
    }
    return list;
}

}  // namespace panda::taint
