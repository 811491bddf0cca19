// Leads the stores of a trace to the bytes of guest memory that they change.
//
// A store has a virtual address. The last fill of its page in the chunk, or else the chunk's translations,
// give the physical page; the memory map in force gives the place in a memory block. Only ranges of RAM take
// stores; stores to ROM and devices are ignored. A store that crosses a page boundary goes page by page.
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

// The slow half: finds addresses by translations and maps.
class StoreTranslations {
  public:
    // Replaces all translations by these.
    void restart(std::span<const Translation> translations);
    // Adds a translation, or replaces that of its page.
    void fill(const Translation& translation);
    // Replaces the memory map of map.address_space.
    void set_map(const MemoryMap& map);

    // Where an address leads: to at most `size` bytes in one range of a memory map.
    struct Target {
        bool known = false;   // there is a translation
        bool memory = false;  // it is RAM or ROM
        bool ram = false;     // the range takes stores
        uint32_t block = 0;
        uint64_t offset = 0;      // in the block
        uint64_t size = 0;        // bytes from here on that this is true of: 1 to what was asked for
        bool whole_page = false;  // all of the address's page is in this range, and is one page of the block
    };
    // address: virtual. size: bytes, at least 1; the result ends where the virtual page ends.
    Target virtual_target(uint64_t address, uint64_t size) const;
    // address: physical, in this physical address space. size: bytes, at least 1.
    Target physical_target(uint32_t address_space, uint64_t address, uint64_t size) const;

  private:
    struct Frame {
        uint64_t frame;
        uint32_t address_space;
    };
    std::unordered_map<uint64_t, Frame> frames_;  // by virtual page
    std::vector<MemoryMap> maps_;                 // by physical address space
};

// Sends each store to the page that it changes. Pages is the class that takes the stores. It has
//     using Page = …;
//         cheap to copy
//     Page open_page(uint64_t flat);
//         called when a page is stored to for the first time since the last reset(), and perhaps again. flat:
//         flat address of the page's start
//     void write(Page, uint32_t offset, const std::byte*, uint32_t size);
//         stores inside the page; size is 1 to 16, or that of a part of a transfer
//
// A store takes about 2 ns, any other access 1 ns.
template <typename Pages>
class StoreRouter {
  public:
    using Page = typename Pages::Page;

    // layout, pages: must outlive this.
    StoreRouter(const MemoryLayout& layout, Pages& pages) : layout_(layout), pages_(pages) { reset(); }

    // Forgets the pages that it opened, so that open_page() is called again; translations and maps stay.
    void reset() { entries_.fill(Entry{no_page, {}}); }

    // Starts a chunk, with the chunk's translations.
    void restart(std::span<const Translation> translations) {
        translations_.restart(translations);
        reset();
    }
    // Replaces the memory map of map.address_space.
    void set_map(const MemoryMap& map) {
        translations_.set_map(map);
        reset();
    }

    // Applies what an execution did, in order of time; loads change nothing.
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

    // Applies one access, and gives a load the value that memory has there. Returns whether the access is a load or
    // store, and its value is known. Pages must also have
    //     void read(Page, uint32_t offset, std::byte*, uint32_t size);
    bool apply_valued(Access& access) {
        if (access.kind == AccessKind::load || access.kind == AccessKind::helper_load)
            return load(access);
        if (access.is_store()) [[likely]] {
            store(access);
            return true;
        }
        apply_other(access);
        return false;
    }

    // Applies the stores of a group with the numbers [first, last).
    void apply(const AccessGroup& group, size_t first, size_t last) {
        for (; first < last; ++first)
            store(group.store(first));
    }

    // Writes bytes to a memory block, as a device does. Returns false, and writes nothing, when they are not
    // all inside the block.
    bool write_block(uint32_t block, uint64_t offset, std::span<const std::byte> bytes) {
        if (block >= layout_.block_count() || offset > layout_.block_size(block) ||
            bytes.size() > layout_.block_size(block) - offset)
            return false;
        write_flat(layout_.flat(block, offset), bytes);
        return true;
    }

    // The translations and maps as they are now.
    const StoreTranslations& translations() const { return translations_; }

    // How many stores no translation leads anywhere; a trace that has any contradicts itself.
    uint64_t lost_stores() const { return lost_stores_; }
    // The virtual address of the first of them.
    uint64_t first_lost_address() const { return first_lost_; }

  private:
    static constexpr uint64_t no_page = ~uint64_t{0};
    static constexpr size_t entry_count = 2048;
    struct Entry {
        uint64_t page;  // virtual, or no_page
        Page target;
    };

    static constexpr uint32_t max_value_bytes = 16;

    static const std::byte* value_bytes(const Access& access) {
        return reinterpret_cast<const std::byte*>(&access) + offsetof(Access, value);
    }
    static std::byte* value_bytes(Access& access) {
        return reinterpret_cast<std::byte*>(&access) + offsetof(Access, value);
    }

    bool load(Access& access) {
        const uint64_t page = access.address / page_size;
        const auto offset = static_cast<uint32_t>(access.address % page_size);
        const Entry& entry = entries_[page % entry_count];
        if (entry.page != page || offset + access.size > page_size) [[unlikely]]
            return load_slowly(access);
        pages_.read(entry.target, offset, value_bytes(access), access.size);
        return true;
    }

    [[gnu::noinline]] bool load_slowly(Access& access) {
        if (access.size > max_value_bytes)
            return false;
        std::span<std::byte> rest(value_bytes(access), access.size);
        uint64_t address = access.address;
        while (!rest.empty()) {
            const auto target = translations_.virtual_target(address, rest.size());
            if (!target.known || !target.memory)
                return false;
            const uint64_t flat = layout_.flat(target.block, target.offset);
            const uint64_t in_page = flat % page_size;
            const auto part = rest.first(std::min<uint64_t>(target.size, page_size - in_page));
            const Page page = pages_.open_page(flat - in_page);
            pages_.read(page, static_cast<uint32_t>(in_page), part.data(),
                        static_cast<uint32_t>(part.size()));
            if (target.ram && target.whole_page)
                entries_[address / page_size % entry_count] = {address / page_size, page};
            address += part.size();
            rest = rest.subspan(part.size());
        }
        return true;
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
