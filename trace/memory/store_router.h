// Leads the stores of a trace to the bytes of guest memory that they change.
//
// A store has a virtual address. The last fill of its page in the chunk, or else the chunk's translations,
// give the physical page; the memory map in force gives the place in a memory block. Only ranges of RAM take
// stores: ROM and devices swallow them. A store that crosses a page goes page by page.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <unordered_map>
#include <vector>

#include "trace/access.h"
#include "trace/access_group.h"
#include "trace/inner_event.h"
#include "trace/memory/mapped_memory.h"
#include "trace/memory/memory_layout.h"
#include "trace/types.h"

namespace panda::trace {

// The slow half: translations and maps. Pages of virtual memory are numbered by address >> 12.
class StoreTranslations {
  public:
    // Forgets all translations and takes these.
    void restart(std::span<const Translation> translations);
    void fill(const Translation& translation);
    void set_map(const MemoryMap& map);

    // Where an address leads: at most `size` bytes in one range; kind tells whether it takes stores.
    struct Target {
        bool known = false;  // there is a translation
        bool ram = false;
        uint32_t block = 0;
        uint64_t offset = 0;      // in the block
        uint64_t size = 0;        // bytes that go on from here, 1 to what was asked for
        bool whole_page = false;  // the address's page is all in this range, and is a page of the block
    };
    // size: bytes, at least 1; the answer stops at the end of the virtual page.
    Target virtual_target(uint64_t address, uint64_t size) const;
    Target physical_target(uint32_t address_space, uint64_t address, uint64_t size) const;

  private:
    struct Frame {
        uint64_t frame;
        uint32_t address_space;
    };
    std::unordered_map<uint64_t, Frame> frames_;  // by virtual page
    std::vector<MemoryMap> maps_;                 // by physical address space
};

// Pages: what takes the stores.
//     using Page = …;
//         cheap to copy
//     Page open_page(uint64_t flat);
//         asked for when a page, by the flat address of its begin, is stored to for the first time since the
//         last reset
//     void write(Page, uint32_t offset, const std::byte*, uint32_t size);
//         inside of the page; size is 1 to 16, or that of a transfer
//
// About 2 ns a store, and 1 ns for what is no store.
template <typename Pages>
class StoreRouter {
  public:
    using Page = typename Pages::Page;

    // layout, pages: outlive this.
    StoreRouter(const MemoryLayout& layout, Pages& pages) : layout_(layout), pages_(pages) { reset(); }

    // Forgets the pages that it asked for; what it knows of translations and maps stays.
    void reset() { entries_.fill(Entry{no_page, {}}); }

    // Begins a chunk: its translations.
    void restart(std::span<const Translation> translations) {
        translations_.restart(translations);
        reset();
    }
    void set_map(const MemoryMap& map) {
        translations_.set_map(map);
        reset();
    }

    // Accesses of an execution, in order; loads are passed over.
    void apply(std::span<const Access> accesses) {
        for (const Access& access : accesses) {
            if (access.kind == AccessKind::load)  // most are
                continue;
            if (access.is_store()) [[likely]]
                store(access);
            else
                apply_other(access);
        }
    }

    // The stores [first, last) of a group.
    void apply(const AccessGroup& group, size_t first, size_t last) {
        for (; first < last; ++first)
            store(group.store(first));
    }

    // Bytes that reach a memory block by themselves (a device's). What is outside of the block is ignored and
    // makes it return false.
    bool write_block(uint32_t block, uint64_t offset, std::span<const std::byte> bytes) {
        if (block >= layout_.block_count() || offset > layout_.block_size(block) ||
            bytes.size() > layout_.block_size(block) - offset)
            return false;
        write_flat(layout_.flat(block, offset), bytes);
        return true;
    }

    // Stores whose page no translation leads anywhere: a trace that contradicts itself.
    uint64_t lost_stores() const { return lost_stores_; }
    uint64_t first_lost_address() const { return first_lost_; }

  private:
    static constexpr uint64_t no_page = ~uint64_t{0};
    static constexpr size_t entry_count = 2048;
    struct Entry {
        uint64_t page;  // virtual, or no_page
        Page target;
    };

    static const std::byte* value_bytes(const Access& access) {
        return reinterpret_cast<const std::byte*>(&access) + offsetof(Access, value);
    }

    void store(const Access& access) {
        const uint64_t page = access.address / page_size;
        const auto offset = static_cast<uint32_t>(access.address % page_size);
        const Entry& entry = entries_[page % entry_count];
        if (entry.page == page && offset + access.size <= page_size) [[likely]]
            pages_.write(entry.target, offset, value_bytes(access), access.size);
        else
            store_slowly(access);
    }

    [[gnu::noinline]] void store_slowly(const Access& access) {
        std::span<const std::byte> rest(value_bytes(access), access.size);
        uint64_t address = access.address;
        while (!rest.empty()) {
            const auto target = translations_.virtual_target(address, rest.size());
            if (!target.known) {
                if (lost_stores_++ == 0)
                    first_lost_ = address;
                return;
            }
            if (target.ram)
                write_flat(layout_.flat(target.block, target.offset), rest.first(target.size));
            if (target.ram && target.whole_page) {
                const uint64_t begin = layout_.flat(target.block, target.offset - target.offset % page_size);
                entries_[address / page_size % entry_count] = {address / page_size, pages_.open_page(begin)};
            }
            address += target.size;
            rest = rest.subspan(target.size);
        }
    }

    [[gnu::noinline]] void apply_other(const Access& access) {
        if (access.kind == AccessKind::fill)
            fill(access);
        else if (access.kind == AccessKind::table_write)
            write_table(access);
    }

    void fill(const Access& access) {
        const Translation translation = access.translation();
        translations_.fill(translation);
        Entry& entry = entries_[translation.page % entry_count];
        if (entry.page == translation.page)
            entry.page = no_page;
    }

    void write_table(const Access& access) {
        const auto target = translations_.physical_target(0, access.address, access.size);
        if (target.known && target.ram)
            write_flat(layout_.flat(target.block, target.offset), {value_bytes(access), target.size});
    }

    void write_flat(uint64_t flat, std::span<const std::byte> bytes) {
        while (!bytes.empty()) {
            const auto offset = static_cast<uint32_t>(flat % page_size);
            const auto part = bytes.first(std::min<uint64_t>(bytes.size(), page_size - offset));
            pages_.write(pages_.open_page(flat - offset), offset, part.data(),
                         static_cast<uint32_t>(part.size()));
            flat += part.size();
            bytes = bytes.subspan(part.size());
        }
    }

    const MemoryLayout& layout_;
    Pages& pages_;
    StoreTranslations translations_;
    uint64_t lost_stores_ = 0;
    uint64_t first_lost_ = 0;
    std::array<Entry, entry_count> entries_;
};

}  // namespace panda::trace
