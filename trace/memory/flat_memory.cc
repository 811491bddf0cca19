#include "trace/memory/flat_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cerrno>

#include "common/error.h"

namespace panda::trace {
namespace {

constexpr uint64_t max_size = uint64_t{4} << 40;  // bytes: far more than a guest has, and it bounds stored_

}  // namespace

FlatMemory::FlatMemory(const MemoryLayout& layout) : layout_(layout) {
    if (layout_.size() > max_size)
        throw Error("the guest's memory is larger than 4 TiB");
    stored_.resize(layout_.size() / page_size / 64 + 1);
    if (layout_.size() == 0)
        return;
    void* const data = ::mmap(nullptr, layout_.size(), PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (data == MAP_FAILED)
        throw Error("cannot reserve " + std::to_string(layout_.size() >> 20) +
                    " MiB for the guest's memory: " + errno_text(errno));
    data_ = static_cast<std::byte*>(data);
}

FlatMemory::~FlatMemory() {
    if (data_ != nullptr)
        ::munmap(data_, layout_.size());
}

void FlatMemory::restore(const GuestMemory& memory) {
    // This gives all pages back to the host; they read as zero afterwards.
    if (data_ != nullptr && ::madvise(data_, layout_.size(), MADV_DONTNEED) != 0)
        throw Error("cannot clear the guest's memory: " + errno_text(errno));
    memory.for_each_page([this](uint32_t block, uint64_t page, std::span<const std::byte> content) {
        std::copy(content.begin(), content.end(), data_ + layout_.flat(block, page * page_size));
    });
    std::fill(stored_.begin(), stored_.end(), 0);
}

std::vector<uint64_t> FlatMemory::take_stored_pages() {
    std::vector<uint64_t> pages;
    for (size_t word = 0; word < stored_.size(); ++word)
        for (; stored_[word] != 0; stored_[word] &= stored_[word] - 1)
            pages.push_back(word * 64 + static_cast<unsigned>(std::countr_zero(stored_[word])));
    return pages;
}

}  // namespace panda::trace
