// How often each byte value passes by at each tap.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "analyzers/taps/tap_file.h"
#include "analyzers/taps/tap_pass.h"

namespace panda::taps {

using Histogram = std::array<uint32_t, 256>;

// Most taps see few bytes, and a histogram takes 1 KiB. So a tap's first 60 bytes are kept as they are.
class ByteCounts {
  public:
    void add(const TapAccess& access) {
        if (access.tap >= entries_.size()) [[unlikely]]
            entries_.resize(access.tap + access.tap / 2 + 64);
        Entry& entry = entries_[access.tap];
        if (entry.used != many) [[unlikely]] {
            add_to_few(entry, access);
            return;
        }
        Histogram& counts = *histograms_[entry.histogram()];
        const uint64_t value = access.access.value;
        const uint32_t size = access.size();
        count(counts, value, size > 8 ? 8 : size);
        if (size > 8)
            count(counts, access.access.value_high, size - 8);
    }

    // The counts of a tap; all 0 if nothing passed by. They end at 2^32 - 1.
    Histogram histogram(uint32_t tap) const;
    // How many bytes these are.
    static uint64_t total(const Histogram& histogram);
    // Shannon's entropy, in bits a byte.
    static double entropy(const Histogram& histogram);

  private:
    static constexpr uint32_t many = ~uint32_t{0};
    static constexpr size_t few = 60;
    struct Entry {
        uint32_t used = 0;  // bytes; or `many`, and then the number of the histogram is in `bytes`
        std::array<uint8_t, few> bytes;

        uint32_t histogram() const {
            uint32_t number;
            std::memcpy(&number, bytes.data(), sizeof(number));
            return number;
        }
    };
    static_assert(sizeof(Entry) == 64);

    static void increase(uint32_t& count, uint32_t by) {
        if (__builtin_add_overflow(count, by, &count)) [[unlikely]]
            count = ~uint32_t{0};
    }
    // Upper bytes that are 0 or all ones are most frequent, and one addition does for them.
    static void count(Histogram& counts, uint64_t value, uint32_t size) {
        const uint64_t used = size == 8 ? ~uint64_t{0} : (uint64_t{1} << 8 * size) - 1;
        const uint64_t sign = value >> (8 * size - 1) & 1;
        const uint64_t differs = sign != 0 ? ~value & used : value;
        const uint32_t low = (64 - static_cast<uint32_t>(std::countl_zero(differs)) + 7) / 8;
        increase(counts[sign != 0 ? 0xff : 0], size - low);
        for (uint32_t i = 0; i < low; ++i, value >>= 8)
            increase(counts[value & 0xff], 1);
    }
    [[gnu::noinline]] void add_to_few(Entry& entry, const TapAccess& access);

    std::vector<Entry> entries_;  // by tap
    std::vector<std::unique_ptr<Histogram>> histograms_;
};

// Writes a file with the histogram of each tap that has bytes. header: of the trace. Returns how many bytes they have
// together. Throws FileError.
uint64_t write_histograms(const std::string& path, const trace::TraceHeader& header, const TapNumbers& taps,
                          const ByteCounts& counts);

}  // namespace panda::taps
