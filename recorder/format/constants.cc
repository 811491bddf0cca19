#include "recorder/format/constants.h"

#include <algorithm>

#include "common/checksum.h"
#include "common/error.h"
#include "recorder/format/container.h"

namespace panda::recording {

void ConstantPool::add(const std::string& name, std::span<const std::byte> bytes) {
    if (bytes.size() > maximum_constants - bytes_.size())
        throw Error("constants of more than " + std::to_string(maximum_constants >> 20) +
                    " MiB are too large for a recording");
    const size_t base = bytes_.size();
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    constants_.push_back({name, bytes.size()});
    for (size_t at = 0; at + least_write <= bytes.size(); at += alignment)
        places_.try_emplace(checksum(bytes.subspan(at, least_write)), base + at);
}

std::optional<uint64_t> ConstantPool::find(std::span<const std::byte> written) const {
    if (places_.empty() || written.size() < least_write)
        return std::nullopt;
    const auto place = places_.find(checksum(written.first(least_write)));
    if (place == places_.end() || written.size() > bytes_.size() - place->second)
        return std::nullopt;
    const auto candidate = bytes().subspan(place->second, written.size());
    if (!std::ranges::equal(candidate, written))
        return std::nullopt;
    return place->second;
}

}  // namespace panda::recording
