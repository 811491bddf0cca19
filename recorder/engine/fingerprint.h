// The processor's state in a few bytes. Recordings have these, so that a replay can check its own state.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "common/bytes.h"
#include "recorder/engine/glue.h"

namespace panda::engine {

// Layout: the instruction pointer (8 bytes), and then for each group of state a hash of 32 bits.
class Fingerprint {
  public:
    // Makes the fingerprint of a processor's state.
    static Fingerprint of(const GlueProcessor& processor);
    // Reads a fingerprint from what bytes() gave. Throws Error when the size is not right.
    static Fingerprint parse(std::span<const std::byte> bytes);

    // The fingerprint as a recording has it. Valid as long as this object.
    std::span<const std::byte> bytes() const { return std::as_bytes(std::span(&data_, 1)); }

    // Says for people what differs: "instruction pointer (recorded 0x…, replayed 0x…), general registers".
    // Empty when nothing differs. This object is the recorded fingerprint.
    std::string difference(const Fingerprint& replayed) const;

  private:
    static constexpr int groups = 7;
    struct Data {
        uint64_t rip;
        uint32_t hashes[groups];
        uint32_t zero;
    } data_{};
};

}  // namespace panda::engine
