// What labels mean: which byte of which source.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "analyzers/taint/label_sets.h"
#include "common/json.h"

namespace panda::taint {

// Where labelled bytes came from.
struct Source {
    std::string kind;  // "file", "stdin", "net", "range", "hypercall" …
    std::string name;  // of the file …
    auto operator<=>(const Source&) const = default;
};

// Bytes [first, last] of a source.
struct SourceRange {
    uint32_t source = 0;
    uint64_t first = 0;
    uint64_t last = 0;
    bool operator==(const SourceRange&) const = default;
};

// Labels are numbers of 32 bits, given out as positions are labelled, 4096 that follow one another at a time.
class LabelNames {
  public:
    // The number of a source; the same for the same kind and name.
    uint32_t source(const Source& source);
    // The label of a position. Throws Error when there are too many.
    Label label(uint32_t source, uint64_t position);

    const Source& source(uint32_t number) const { return sources_[number]; }
    size_t source_count() const { return sources_.size(); }
    // How many labels of a source were given out.
    uint64_t labels_of(uint32_t source) const { return counts_[source]; }
    // All labels that were given out, ascending by source and position.
    std::vector<SourceRange> all() const;

    // What the labels of a tag mean, ascending by source and position. The label that stands for too many is a source of
    // its own, "many".
    std::vector<SourceRange> ranges(const Tags& tags, Tag tag);
    // "/etc/passwd:0-15,20", with blanks between the sources.
    std::string text(const std::vector<SourceRange>& ranges) const;
    // [{"kind": …, "source": …, "ranges": [[0, 15], [20, 20]]}, …]
    Json json(const std::vector<SourceRange>& ranges) const;

  private:
    static constexpr unsigned block_bits = 12;
    static constexpr uint64_t block_size = uint64_t{1} << block_bits;
    struct Block {
        uint32_t source;
        uint64_t position;        // of its first label
        std::vector<bool> given;  // which were given out
    };
    std::vector<Source> sources_;
    std::map<Source, uint32_t> source_numbers_;
    std::vector<uint64_t> counts_;
    std::vector<Block> blocks_;                                        // by label / block_size
    std::map<std::pair<uint32_t, uint64_t>, uint32_t> block_numbers_;  // by source and position / block_size
};

}  // namespace panda::taint
