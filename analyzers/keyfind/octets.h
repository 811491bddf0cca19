// Reads numbers in network order from bytes that anybody may have written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace panda::keyfind {

// Once something beyond the end was asked for, ok() is false, and everything is zero and empty.
class OctetReader {
  public:
    explicit OctetReader(std::span<const uint8_t> bytes) : rest_(bytes) {}

    bool ok() const { return ok_; }
    size_t left() const { return rest_.size(); }
    std::span<const uint8_t> take(size_t size) {
        if (size > rest_.size()) {
            ok_ = false;
            rest_ = {};
            return {};
        }
        const auto taken = rest_.first(size);
        rest_ = rest_.subspan(size);
        return taken;
    }
    // A number of `size` bytes, at most 4.
    uint32_t number(size_t size) {
        uint32_t value = 0;
        for (const uint8_t byte : take(size))
            value = value << 8 | byte;
        return value;
    }
    // As many bytes as a number of `size` bytes before them says.
    std::span<const uint8_t> counted(size_t size) { return take(number(size)); }

  private:
    std::span<const uint8_t> rest_;
    bool ok_ = true;
};

}  // namespace panda::keyfind
