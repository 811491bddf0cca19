// Where the guest's virtual addresses lead in its memory, by the fills of a trace, remembered page by page.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "analyzers/taint/engine.h"
#include "trace/pass/memory_follower.h"

namespace panda::taint {

class GuestPlaces {
  public:
    // memory: current; must outlive this.
    explicit GuestPlaces(const trace::MemoryFollower& memory) : memory_(memory) { clear(); }

    // Forgets what was remembered: at a chunk's start, and when the memory map changes.
    void clear() { entries_.fill({no_page, Reach::nowhere}); }
    // A page begins to lead elsewhere; memory does not know it yet. Returns where, or Reach::nowhere.
    uint64_t fill(const trace::Translation& translation) {
        const uint64_t flat = page_of(memory_.translations().physical_target(
            translation.address_space, translation.frame * trace::page_size, trace::page_size));
        entries_[translation.page % entry_count] = {translation.page, flat};
        return flat;
    }
    // The flat address of a page's beginning, or Reach::nowhere. address: any in the page.
    uint64_t page(uint64_t address) {
        const uint64_t number = address / trace::page_size;
        Entry& entry = entries_[number % entry_count];
        if (entry.page != number) [[unlikely]]
            entry = {number, page_of(memory_.translations().virtual_target(number * trace::page_size,
                                                                           trace::page_size))};
        return entry.flat;
    }
    // Where an access leads.
    Reach reach(const trace::Access& access) {
        const uint64_t offset = access.address % trace::page_size;
        const auto first = static_cast<uint32_t>(std::min<uint64_t>(access.size, trace::page_size - offset));
        Reach reach{&access, page(access.address), first, Reach::nowhere};
        if (reach.flat != Reach::nowhere)
            reach.flat += offset;
        if (first < access.size)
            reach.second_flat = page(access.address + first);
        return reach;
    }

  private:
    static constexpr uint64_t no_page = ~uint64_t{0};
    static constexpr size_t entry_count = 4096;
    struct Entry {
        uint64_t page;
        uint64_t flat;
    };
    // A page that is RAM only in part has no shadow: no machine of QEMU's has one where programs run.
    uint64_t page_of(const trace::StoreTranslations::Target& target) const {
        return target.known && target.ram && target.whole_page
                   ? memory_.flat().layout().flat(target.block, target.offset)
                   : Reach::nowhere;
    }

    const trace::MemoryFollower& memory_;
    std::array<Entry, entry_count> entries_;
};

}  // namespace panda::taint
