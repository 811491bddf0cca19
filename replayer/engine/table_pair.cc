#include "replayer/engine/table_pair.h"

#include <cstring>

namespace panda::engine {

bool is_table_pair(std::span<const std::byte> even, std::span<const std::byte> odd, bool long_mode) {
    constexpr uint64_t no_execute = uint64_t{1} << 63;
    constexpr uint64_t changed_by_processor = 0x60;  // accessed and dirty
    constexpr uint64_t present = 1;
    const size_t entries = long_mode ? 256 : 3;
    bool any = false;
    for (size_t i = 0; i < entries; ++i) {
        uint64_t one = 0;
        uint64_t other = 0;
        std::memcpy(&one, even.data() + i * sizeof(one), sizeof(one));
        std::memcpy(&other, odd.data() + i * sizeof(other), sizeof(other));
        if (((one ^ other) & ~(no_execute | changed_by_processor)) != 0)
            return false;
        any = any || (one & present) != 0;
    }
    return any;
}

}  // namespace panda::engine
