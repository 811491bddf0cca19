// All of the guest's memory as one piece of the host's memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "trace/memory/guest_memory.h"
#include "trace/memory/memory_layout.h"
#include "trace/memory/store_copy.h"
#include "trace/types.h"

namespace panda::trace {

// Pages that were never written take none of the host's memory. It takes stores from a StoreRouter, and
// remembers which pages they were to.
class FlatMemory {
  public:
    // Zero everywhere. Throws Error when it has more than 4 TiB or the host has no room for it.
    explicit FlatMemory(const MemoryLayout& layout);
    ~FlatMemory();
    FlatMemory(const FlatMemory&) = delete;
    FlatMemory& operator=(const FlatMemory&) = delete;

    const MemoryLayout& layout() const { return layout_; }
    // All of memory, by flat address.
    std::span<std::byte> bytes() { return {data_, layout_.size()}; }
    std::span<const std::byte> bytes() const { return {data_, layout_.size()}; }
    // The bytes of a page. number: its flat address / page_size.
    std::span<std::byte> page(uint64_t number) { return bytes().subspan(number * page_size, page_size); }

    // Takes over the content of `memory`, all of which this decompresses. No page counts as stored to
    // afterwards. Throws FileError when the pages in the file are damaged.
    void restore(const GuestMemory& memory);

    // Numbers of the pages (flat address / page_size) that were stored to since the last call, ascending.
    // Call the StoreRouter's reset() afterwards, or later stores to these pages go unseen. Pages that were loaded
    // from by StoreRouter::apply_valued() count as well.
    std::vector<uint64_t> take_stored_pages();

    // For StoreRouter.
    using Page = std::byte*;
    Page open_page(uint64_t flat) {
        stored_[flat / page_size / 64] |= uint64_t{1} << (flat / page_size % 64);
        return data_ + flat;
    }
    static void write(Page page, uint32_t offset, const std::byte* bytes, uint32_t size) {
        copy_store(page + offset, bytes, size);
    }
    static void read(Page page, uint32_t offset, std::byte* out, uint32_t size) {
        copy_store(out, page + offset, size);
    }

  private:
    MemoryLayout layout_;
    std::byte* data_ = nullptr;
    std::vector<uint64_t> stored_;  // one bit for each page
};

}  // namespace panda::trace
