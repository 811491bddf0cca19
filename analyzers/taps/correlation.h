// Taps that write beside each other, one soon after the other.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <utility>

#include "analyzers/taps/tap_pass.h"

namespace panda::taps {

// Remembers the ranges that the latest five taps have written. A write that starts where another tap's range ends, or
// ends where it starts, counts once for the two taps. A write of the latest tap makes its range longer if it goes on
// there, and else begins a new one.
class Correlation {
  public:
    static constexpr auto wants = Wants::writes;

    void take(const TapAccess& access) { write(access.tap, access.access.address, access.size()); }
    void write(uint32_t tap, uint64_t address, uint32_t size) {
        const uint64_t end = address + size;
        for (const Range& range : ranges_) {
            if (range.begin == range.end || range.tap == tap)
                continue;
            if (range.end == address)
                ++counts_[{range.tap, tap}];
            else if (range.begin == end)
                ++counts_[{tap, range.tap}];
        }
        Range& latest = ranges_[latest_];
        if (latest.tap == tap && latest.begin != latest.end && latest.end == address) {
            latest.end = end;
        } else if (latest.tap == tap && latest.begin != latest.end && latest.begin == end) {
            latest.begin = address;
        } else {
            if (latest.tap != tap || latest.begin == latest.end)
                latest_ = (latest_ + 1) % ranges_.size();
            ranges_[latest_] = {tap, address, end};
        }
    }

    // How often, by the taps with the lower and the higher addresses.
    const std::map<std::pair<uint32_t, uint32_t>, uint64_t>& counts() const { return counts_; }

  private:
    struct Range {
        uint32_t tap = 0;
        uint64_t begin = 0;
        uint64_t end = 0;  // begin: nothing yet
    };
    std::array<Range, 5> ranges_;
    size_t latest_ = 0;
    std::map<std::pair<uint32_t, uint32_t>, uint64_t> counts_;
};

}  // namespace panda::taps
