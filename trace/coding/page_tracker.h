// Follows which physical pages the virtual pages lead to while a chunk is written, and collects the pages
// that the chunk stores to. Internal.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "trace/inner_event.h"
#include "trace/written_pages.h"

namespace panda::trace {

class PageTracker {
  public:
    PageTracker() { forget_stores(); }

    // Starts a chunk with these translations.
    void begin(std::span<const Translation> translations);
    // The translations that are known now, by ascending page.
    std::vector<Translation> translations() const;
    // How many translations are known now.
    size_t translation_count() const { return pages_.size(); }

    // Learns a translation. Returns false when it was known already.
    bool fill(const Translation& translation);
    // Notes that something was stored to the `size` bytes from a virtual address on. It may have been several
    // stores with other bytes between them, but the first and the last byte were stored to. size: 1 to 4096.
    // Fast, because nearly always the page was stored to a short time ago.
    void stored(uint64_t address, uint32_t size) {
        const uint64_t page = address >> 12;
        const uint64_t last_page = (address + size - 1) >> 12;
        if (recent_[page % recent_pages] != page)
            add(page);
        if (last_page != page && recent_[last_page % recent_pages] != last_page)
            add(last_page);
    }
    // Notes that something was stored to a physical page.
    void stored_physically(const PhysicalPage& page) { written_.physical.push_back(page); }
    // Notes that a Transfer event changes `size` bytes of a memory block from `offset` on.
    void transferred(uint32_t block, uint64_t offset, uint64_t size);

    // Returns the pages that the chunk stored to, and starts the next chunk with the translations known now.
    WrittenPages take();

  private:
    struct Target {
        uint64_t frame = 0;
        uint32_t address_space = 0;
        bool listed = false;  // it is in written_
    };
    static constexpr size_t recent_pages = 512;

    void add(uint64_t page);
    void forget_stores();

    std::unordered_map<uint64_t, Target> pages_;   // by virtual page
    std::array<uint64_t, recent_pages> recent_{};  // virtual pages whose target is listed
    WrittenPages written_;                         // in any order; some pages are there twice
};

}  // namespace panda::trace
