// The bytes that one chunk stores, and nothing else of memory.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>

#include "trace/memory/store_copy.h"
#include "trace/types.h"

namespace panda::trace {

// Takes stores from a StoreRouter, and remembers which bytes were stored.
class ChunkOverlay {
  public:
    // One bit for each byte of a page, 64 in a word.
    using ByteSet = std::array<uint64_t, page_size / 64>;
    struct Content {
        std::array<std::byte, page_size> bytes;
        ByteSet stored;
    };

    // For StoreRouter.
    using Page = Content*;
    Page open_page(uint64_t flat) {
        auto& content = pages_[flat / page_size];
        if (!content)
            content = std::make_unique<Content>();
        return content.get();
    }
    static void write(Page page, uint32_t offset, const std::byte* bytes, uint32_t size) {
        copy_store(page->bytes.data() + offset, bytes, size);
        for (uint32_t end = offset + size; offset < end;) {
            const uint32_t bit = offset % 64;
            const uint32_t count = std::min(end - offset, 64 - bit);
            page->stored[offset / 64] |= ~uint64_t{0} >> (64 - count) << bit;
            offset += count;
        }
    }

    // What was stored to a page; null if nothing was. number: its flat address / page_size.
    const Content* find(uint64_t number) const {
        const auto found = pages_.find(number);
        return found != pages_.end() ? found->second.get() : nullptr;
    }
    // How many pages were stored to.
    size_t page_count() const { return pages_.size(); }

  private:
    std::unordered_map<uint64_t, std::unique_ptr<Content>> pages_;  // by flat address / page_size
};

}  // namespace panda::trace
