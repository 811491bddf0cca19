// How often each pair of successive bytes passes by at each tap.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "analyzers/taps/tap_pass.h"

namespace panda::taps {

// Pairs go on from one access of a tap to its next.
class PairCounts {
  public:
    void add(const TapAccess& access) {
        if (access.tap >= taps_.size())
            taps_.resize(access.tap + access.tap / 2 + 64);
        OneTap& tap = taps_[access.tap];
        for (const uint8_t byte : access.bytes()) {
            if (tap.bytes++ != 0)
                tap.pairs.add(static_cast<uint16_t>(tap.last << 8 | byte));
            tap.last = byte;
        }
    }

    // The pairs of a tap, ascending: earlier byte << 8 | later byte, and the count, which ends at 2^32 - 1.
    std::vector<std::pair<uint16_t, uint32_t>> pairs(uint32_t tap) const;
    // How many bytes a tap has seen.
    uint64_t bytes(uint32_t tap) const { return tap < taps_.size() ? taps_[tap].bytes : 0; }

  private:
    // Counts by 16-bit key: a hash table without deletion.
    class Table {
      public:
        void add(uint16_t key) {
            if (used_ * 4 >= slots_.size() * 3)
                grow();
            Slot& slot = find(key);
            used_ += slot.count == 0 ? 1 : 0;
            slot.key = key;
            slot.count += slot.count == ~uint32_t{0} ? 0 : 1;
        }
        template <typename Visit>
        void for_each(const Visit& visit) const {
            for (const Slot& slot : slots_)
                if (slot.count != 0)
                    visit(slot.key, slot.count);
        }

      private:
        struct Slot {
            uint32_t count = 0;
            uint16_t key = 0;
        };
        Slot& find(uint16_t key) {
            size_t place = key * 0x9e37u;
            for (;; ++place) {
                Slot& slot = slots_[place & (slots_.size() - 1)];
                if (slot.count == 0 || slot.key == key)
                    return slot;
            }
        }
        void grow();

        std::vector<Slot> slots_;  // a power of 2
        size_t used_ = 0;
    };
    struct OneTap {
        uint64_t bytes = 0;
        uint8_t last = 0;
        Table pairs;
    };
    std::vector<OneTap> taps_;
};

}  // namespace panda::taps
