// Where strings pass by: PANDA's stringsearch, for its program and for analyzers that build on it.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "analyzers/strings/pattern_set.h"
#include "analyzers/taps/tap_pass.h"

namespace panda::strings {

// A string has passed by at a tap.
struct StringMatch {
    const taps::TapAccess& access;  // that brought its last byte
    uint64_t address;               // of that byte
    uint32_t string;                // its number in the PatternSet
};

// A sink for run_tap_pass(). What a tap reads is one stream and what it writes another, wherever in memory the bytes
// are. In each stream, every occurrence of each string is found.
class StringSearch {
  public:
    static constexpr auto wants = taps::Wants::values;
    // PANDA's on_ssm: called right after the access.
    using OnMatch = std::function<void(const StringMatch&)>;

    // strings: must outlive this.
    StringSearch(const PatternSet& strings, OnMatch on_match)
        : strings_(&strings), on_match_(std::move(on_match)) {}

    void take(const taps::TapAccess& access) {
        const size_t stream = size_t{access.tap} * 2 + (access.write ? 1 : 0);
        if (stream >= states_.size()) [[unlikely]]
            states_.resize(stream + stream / 2 + 64);
        uint32_t& state = states_[stream];
        const trace::Access& bytes = access.access;
        if (state != 0 || strings_->may_start(bytes.value) || strings_->may_start(bytes.value_high))
            [[unlikely]]
            state = search(access, state);
    }

  private:
    [[gnu::noinline]] uint32_t search(const taps::TapAccess& access, uint32_t state) const;

    const PatternSet* strings_;
    OnMatch on_match_;
    std::vector<uint32_t> states_;  // by tap and direction
};

}  // namespace panda::strings
