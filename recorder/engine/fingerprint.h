// The processor's state in few bytes: what recordings carry to check replays by.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "common/bytes.h"
#include "recorder/engine/glue.h"

namespace panda::engine {

// Layout: instruction pointer (8 bytes), then 32 bits of hash of each group of state.
class Fingerprint {
  public:
    // Of the processor as it is now.
    static Fingerprint of(const GlueProcessor& processor);
    // As written by bytes(). Throws Error when it has another size.
    static Fingerprint parse(std::span<const std::byte> bytes);

    std::span<const std::byte> bytes() const { return std::as_bytes(std::span(&data_, 1)); }

    // What differs, for people: "instruction pointer (recorded 0x…, replayed 0x…), general registers"; empty
    // when nothing does. this = recorded.
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
