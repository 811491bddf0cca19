// All of the guest's memory as one piece of the host's.
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

// Pages that were never written take no memory of the host. Takes stores from a StoreRouter, and remembers
// which pages it took some for.
class FlatMemory {
  public:
    // Zero everywhere. Throws Error when the host has no room for it.
    explicit FlatMemory(const MemoryLayout& layout);
    ~FlatMemory();
    FlatMemory(const FlatMemory&) = delete;
    FlatMemory& operator=(const FlatMemory&) = delete;

    const MemoryLayout& layout() const { return layout_; }
    std::span<std::byte> bytes() { return {data_, layout_.size()}; }
    std::span<const std::byte> bytes() const { return {data_, layout_.size()}; }
    // number: of the page in flat addresses.
    std::span<std::byte> page(uint64_t number) { return bytes().subspan(number * page_size, page_size); }

    // Becomes what `memory` is: decompresses all of it. No page counts as stored to afterwards.
    void restore(const GuestMemory& memory);

    // Numbers of the pages stored to since the last call, ascending. A StoreRouter must be reset then.
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

  private:
    MemoryLayout layout_;
    std::byte* data_ = nullptr;
    std::vector<uint64_t> stored_;  // a bit a page
};

}  // namespace panda::trace
