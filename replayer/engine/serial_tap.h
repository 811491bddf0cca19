// What the guest sends over its serial ports, taken from its port writes.
#pragma once

#include <cstdint>
#include <optional>

namespace panda::engine {

// One 16550 at its usual place. Bytes go to the transmit register unless the divisor latch is open.
class SerialTap {
  public:
    // base: 0x3f8 (first port) or 0x2f8 (second).
    explicit SerialTap(unsigned base) : base_(base) {}

    // To be called for each write of a byte to a port. Returns the byte that this sends, if it sends one.
    std::optional<uint8_t> write(unsigned port, uint32_t value) {
        constexpr unsigned line_control = 3;
        constexpr uint32_t divisor_latch = 0x80;
        if (port == base_ + line_control)
            latched_ = (value & divisor_latch) != 0;
        if (port == base_ && !latched_)
            return static_cast<uint8_t>(value);
        return std::nullopt;
    }

  private:
    const unsigned base_;
    bool latched_ = false;
};

}  // namespace panda::engine
