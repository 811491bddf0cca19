#include "analyzers/useafterfree/leaks.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <set>

namespace panda::useafterfree {
namespace {

constexpr uint64_t page_size = 4096;

class Search {
  public:
    Search(const Heap& heap, const trace::AddressSpace& space, const Roots& roots)
        : heap_(heap), space_(space), roots_(roots) {}

    void follow(uint64_t pointer) {
        auto block = heap_.live().upper_bound(pointer);
        if (block == heap_.live().begin())
            return;
        --block;
        if (pointer >= block->second.end() || pointer == next_chunk(block->second))
            return;
        if (reached_.insert(block->first).second)
            due_.push_back(&block->second);
    }
    // The words in [start, end).
    void scan(uint64_t start, uint64_t end) {
        start = (start + roots_.word - 1) / roots_.word * roots_.word;
        std::array<std::byte, page_size> bytes;
        while (start < end) {
            const uint64_t length = std::min(end - start, page_size - start % page_size);
            const std::span<std::byte> part(bytes.data(), length);
            if (space_.read(start, part))
                for (size_t at = 0; at + roots_.word <= length; at += roots_.word) {
                    uint64_t word = 0;
                    std::memcpy(&word, part.data() + at, roots_.word);
                    follow(word);
                }
            start += length;
        }
    }
    // A page outside of [heap], without the blocks in it.
    void scan_root(uint64_t page) {
        uint64_t start = page;
        const uint64_t end = page + page_size;
        auto block = heap_.live().upper_bound(page);
        if (block != heap_.live().begin())
            start = std::max(start, std::prev(block)->second.end());
        for (; block != heap_.live().end() && block->first < end; ++block) {
            scan(start, block->first);
            start = std::max(start, block->second.end());
        }
        scan(start, end);
    }
    void finish() {
        while (!due_.empty()) {
            const Block* const block = due_.back();
            due_.pop_back();
            // What the program asked for may be more than there is; pages that are not there take time, too.
            scan(block->start, block->start + std::min(block->size, uint64_t{1} << 30));
        }
    }
    bool reached(uint64_t start) const { return reached_.contains(start); }

  private:
    // glibc's own pointers to the chunk behind a block lead to the block's last word, which lies in that chunk's header
    // (malloc/malloc.c, "An allocated chunk looks like this").
    uint64_t next_chunk(const Block& block) const {
        constexpr uint64_t alignment = 16;
        const uint64_t chunk = (block.size + roots_.word + alignment - 1) / alignment * alignment;
        return block.start + std::max<uint64_t>(chunk, 4 * uint64_t{roots_.word}) - 2 * uint64_t{roots_.word};
    }

    const Heap& heap_;
    const trace::AddressSpace& space_;
    const Roots& roots_;
    std::set<uint64_t> reached_;
    std::vector<const Block*> due_;
};

}  // namespace

std::vector<const Block*> unreachable(const Heap& heap, const trace::AddressSpace& space,
                                      const Roots& roots) {
    Search search(heap, space, roots);
    for (const uint64_t value : roots.registers)
        search.follow(value);
    space.for_each_page([&](uint64_t address, uint64_t, uint64_t size) {
        const auto mapping =
            std::find_if(roots.mappings.begin(), roots.mappings.end(),
                         [&](const osi::Mapping& one) { return one.start <= address && address < one.end; });
        if (mapping == roots.mappings.end() || mapping->name == "[heap]" || mapping->permissions.size() < 2 ||
            mapping->permissions[1] != 'w')
            return;
        const uint64_t end = std::min(address + size, mapping->end);
        const bool own_stack = mapping->start <= roots.stack_pointer && roots.stack_pointer < mapping->end;
        for (uint64_t page = address; page < end; page += page_size)
            if (!own_stack || page > roots.stack_pointer)
                search.scan_root(page);
            else if (page + page_size > roots.stack_pointer)
                search.scan(roots.stack_pointer, page + page_size);
    });
    search.finish();
    std::vector<const Block*> lost;
    for (const auto& [start, block] : heap.live())
        if (!search.reached(start))
            lost.push_back(&block);
    return lost;
}

}  // namespace panda::useafterfree
