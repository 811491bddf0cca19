// Follows where virtual pages lead while a chunk is written, and collects which pages it stores to. Internal.
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

    // A chunk begins with these translations.
    void begin(std::span<const Translation> translations);
    // What is known now, by ascending page.
    std::vector<Translation> translations() const;
    size_t translation_count() const { return pages_.size(); }

    // A translation is learnt. False when it says what is known already.
    bool fill(const Translation& translation);
    // A store to a virtual address, or several to places between the first and the last of `size` bytes,
    // which they store to; size: 1 to 4096. Nearly always its page is one of those that were stored to
    // lately.
    void stored(uint64_t address, uint32_t size) {
        const uint64_t page = address >> 12;
        const uint64_t last_page = (address + size - 1) >> 12;
        if (recent_[page % recent_pages] != page)
            add(page);
        if (last_page != page && recent_[last_page % recent_pages] != last_page)
            add(last_page);
    }
    void stored_physically(const PhysicalPage& page) { written_.physical.push_back(page); }
    void transferred(uint32_t block, uint64_t offset, uint64_t size);

    // The chunk's pages; begins anew, with the translations as they are.
    WrittenPages take();

  private:
    struct Target {
        uint64_t frame = 0;
        uint32_t address_space = 0;
        bool listed = false;  // as stored to
    };
    static constexpr size_t recent_pages = 512;

    void add(uint64_t page);
    void forget_stores();

    std::unordered_map<uint64_t, Target> pages_;   // by virtual page
    std::array<uint64_t, recent_pages> recent_{};  // virtual pages whose target is listed
    WrittenPages written_;                         // in any order, some twice
};

}  // namespace panda::trace
