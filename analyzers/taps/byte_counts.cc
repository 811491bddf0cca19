#include "analyzers/taps/byte_counts.h"

#include <cmath>
#include <numeric>

namespace panda::taps {

void ByteCounts::add_to_few(Entry& entry, const TapAccess& access) {
    const auto bytes = access.bytes();
    if (entry.used + bytes.size() <= few) {
        std::copy(bytes.begin(), bytes.end(), entry.bytes.begin() + entry.used);
        entry.used += static_cast<uint32_t>(bytes.size());
        return;
    }
    auto histogram = std::make_unique<Histogram>();
    for (uint32_t i = 0; i < entry.used; ++i)
        ++(*histogram)[entry.bytes[i]];
    for (const uint8_t byte : bytes)
        ++(*histogram)[byte];
    const auto number = static_cast<uint32_t>(histograms_.size());
    histograms_.push_back(std::move(histogram));
    entry.used = many;
    std::memcpy(entry.bytes.data(), &number, sizeof(number));
}

Histogram ByteCounts::histogram(uint32_t tap) const {
    Histogram counts{};
    if (tap >= entries_.size())
        return counts;
    const Entry& entry = entries_[tap];
    if (entry.used == many)
        return *histograms_[entry.histogram()];
    for (uint32_t i = 0; i < entry.used; ++i)
        ++counts[entry.bytes[i]];
    return counts;
}

uint64_t ByteCounts::total(const Histogram& histogram) {
    return std::accumulate(histogram.begin(), histogram.end(), uint64_t{0});
}

double ByteCounts::entropy(const Histogram& histogram) {
    const auto sum = static_cast<double>(total(histogram));
    double bits = 0;
    for (const uint32_t count : histogram)
        if (count != 0)
            bits -= count / sum * std::log2(count / sum);
    return bits;
}

uint64_t write_histograms(const std::string& path, const trace::TraceHeader& header, const TapNumbers& taps,
                          const ByteCounts& counts) {
    TapFile file(path, header);
    file.write_address_size();
    uint64_t bytes = 0;
    for (const uint32_t number : taps.sorted()) {
        const Histogram histogram = counts.histogram(number);
        const uint64_t total = ByteCounts::total(histogram);
        if (total == 0)
            continue;
        bytes += total;
        file.write_tap(taps[number]);
        for (const uint32_t count : histogram)
            file.write_u32(count);
    }
    file.close();
    return bytes;
}

}  // namespace panda::taps
