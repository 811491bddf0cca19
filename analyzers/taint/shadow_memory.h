// The shadow of guest memory: 4 bytes for each byte, in pages that exist only while something in them is tainted.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "analyzers/taint/byte_taint.h"
#include "trace/types.h"

namespace panda::taint {

// By flat address (trace/memory/memory_layout.h). Takes 8 bytes for each page of the guest, and 16 KiB for each one with
// a tainted byte.
class ShadowMemory {
  public:
    // size: of the guest's memory, in bytes.
    explicit ShadowMemory(uint64_t size)
        : size_(size), pages_((size + trace::page_size - 1) / trace::page_size) {}

    uint64_t size() const { return size_; }
    // Whether any byte is tainted, and any of a page.
    bool any() const { return page_count_ != 0; }
    bool page_any(uint64_t flat) const { return pages_[flat / trace::page_size] != nullptr; }
    uint64_t page_count() const { return page_count_; }
    uint64_t byte_count() const { return byte_count_; }
    uint64_t most_pages() const { return most_pages_; }

    // flat: below size().
    ByteTaint get(uint64_t flat) const {
        const Page* page = pages_[flat / trace::page_size].get();
        return page == nullptr ? 0 : page->bytes[flat % trace::page_size];
    }
    void set(uint64_t flat, ByteTaint taint) {
        std::unique_ptr<Page>& page = pages_[flat / trace::page_size];
        if (page == nullptr) {
            if (taint == 0)
                return;
            page = std::make_unique<Page>();
            most_pages_ = std::max(most_pages_, ++page_count_);
        }
        ByteTaint& byte = page->bytes[flat % trace::page_size];
        const int change = (taint != 0) - (byte != 0);
        byte = taint;
        page->tainted = static_cast<uint32_t>(static_cast<int>(page->tainted) + change);
        byte_count_ = static_cast<uint64_t>(static_cast<int64_t>(byte_count_) + change);
        if (page->tainted == 0) {
            page.reset();
            --page_count_;
        }
    }
    // Makes everything clean.
    void clear() {
        for (std::unique_ptr<Page>& page : pages_)
            page.reset();
        page_count_ = byte_count_ = 0;
    }
    // Calls function(flat, taint) for each tainted byte, ascending.
    template <typename Function>
    void for_each(const Function& function) const {
        for (uint64_t number = 0; number < pages_.size(); ++number) {
            if (pages_[number] == nullptr)
                continue;
            for (uint64_t i = 0; i < trace::page_size; ++i)
                if (pages_[number]->bytes[i] != 0)
                    function(number * trace::page_size + i, pages_[number]->bytes[i]);
        }
    }

  private:
    struct Page {
        std::array<ByteTaint, trace::page_size> bytes{};
        uint32_t tainted = 0;
    };
    uint64_t size_;
    std::vector<std::unique_ptr<Page>> pages_;
    uint64_t page_count_ = 0;
    uint64_t byte_count_ = 0;
    uint64_t most_pages_ = 0;
};

}  // namespace panda::taint
