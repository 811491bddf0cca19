// Where virtual pages lead, as far as the open chunk of a trace says it already.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace panda::engine {

// A hash table with open addressing. QEMU fills its TLBs millions of times in a boot, mostly with what the
// chunk has already. With std::unordered_map its nodes took a hundredth of the time of the replay's thread.
class KnownPages {
  public:
    enum class News { none, page, target };  // nothing is new; the page had no target; it had another target

    KnownPages() : slots_(smallest) {}

    // Learns where a page leads, and returns what of it is new. page: a multiple of 4096. target: any number.
    News learn(uint64_t page, uint64_t target) {
        Slot* slot = find(page);
        if (slot->epoch != epoch_) {
            if (2 * ++count_ > slots_.size()) {
                grow();
                slot = find(page);
            }
            *slot = {page, target, epoch_};
            return News::page;
        }
        return std::exchange(slot->target, target) == target ? News::none : News::target;
    }
    // Forgets everything. Costs nothing.
    void clear() {
        ++epoch_;
        count_ = 0;
    }

  private:
    struct Slot {
        uint64_t page = 0;
        uint64_t target = 0;
        uint64_t epoch = 0;  // it is empty unless this is epoch_
    };
    static constexpr size_t smallest = 1024;  // slots; always a power of 2, and at most half of them are used

    Slot* find(uint64_t page) {
        const uint64_t hash = (page >> 12) * 0x9e37'79b9'7f4a'7c15 >> 32;
        size_t at = hash & (slots_.size() - 1);
        while (slots_[at].epoch == epoch_ && slots_[at].page != page)
            at = (at + 1) & (slots_.size() - 1);
        return &slots_[at];
    }
    void grow() {
        const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(2 * slots_.size()));
        for (const Slot& slot : old)
            if (slot.epoch == epoch_)
                *find(slot.page) = slot;
    }

    std::vector<Slot> slots_;
    size_t count_ = 0;
    uint64_t epoch_ = 1;
};

}  // namespace panda::engine
