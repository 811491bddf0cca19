// The memory that one chunk stores, and nothing else: bytes, and which of them it stores.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <unordered_map>

#include "trace/types.h"

namespace panda::trace {

// Takes stores from a StoreRouter.
class ChunkOverlay {
  public:
    struct Content {
        std::array<std::byte, page_size> bytes;
        std::bitset<page_size> stored;
    };

    using Page = Content*;
    Page open_page(uint64_t flat) {
        auto& content = pages_[flat / page_size];
        if (!content)
            content = std::make_unique<Content>();
        return content.get();
    }
    static void write(Page page, uint32_t offset, const std::byte* bytes, uint32_t size) {
        std::memcpy(page->bytes.data() + offset, bytes, size);
        for (uint32_t i = 0; i < size; ++i)
            page->stored.set(offset + i);
    }

    // What was stored to a page, by its number in flat addresses; null when nothing was.
    const Content* find(uint64_t number) const {
        const auto found = pages_.find(number);
        return found != pages_.end() ? found->second.get() : nullptr;
    }
    size_t page_count() const { return pages_.size(); }

  private:
    std::unordered_map<uint64_t, std::unique_ptr<Content>> pages_;  // by number in flat addresses
};

}  // namespace panda::trace
