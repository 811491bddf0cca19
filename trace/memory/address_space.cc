#include "trace/memory/address_space.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace panda::trace {
namespace {

constexpr uint64_t present = 1;
constexpr uint64_t large = 1 << 7;                         // PS
constexpr uint64_t entry_address = 0x000f'ffff'ffff'f000;  // bits 12 to 51
constexpr uint64_t page_bytes = 4096;

// How a table walk goes.
struct Walk {
    unsigned levels;
    unsigned entry_size;     // bytes
    unsigned bits;           // of the address that index a table below the top one
    unsigned top_bits;       // of the address that index the top table
    unsigned largest_large;  // the highest level, counted from 1 at the bottom, that may hold large pages
    unsigned address_bits;
    uint64_t root_mask;
};

Walk walk_of(Paging paging) {
    switch (paging) {
        case Paging::two_level:
            return {2, 4, 10, 10, 2, 32, 0xffff'f000};
        case Paging::pae:
            return {3, 8, 9, 2, 2, 32, 0xffff'ffe0};
        case Paging::four_level:
            return {4, 8, 9, 9, 3, 48, entry_address};
        case Paging::five_level:
            return {5, 8, 9, 9, 3, 57, entry_address};
        case Paging::none:
            break;
    }
    return {};
}

bool canonical(uint64_t address, const Walk& walk) {
    if (walk.address_bits == 32)
        return address <= 0xffff'ffff;
    const int64_t sign = static_cast<int64_t>(address) >> (walk.address_bits - 1);
    return sign == 0 || sign == -1;
}

// Physical address of a large page. In the entry of a 4 MiB page, bits 13 to 20 are bits 32 to 39 of the
// address (PSE-36).
uint64_t large_page(uint64_t entry, Paging paging, uint64_t size) {
    if (paging == Paging::two_level)
        return (entry & 0xffc0'0000) | ((entry >> 13) & 0xff) << 32;
    return entry & entry_address & ~(size - 1);
}

}  // namespace

Paging paging_of(const CpuState& cpu) {
    constexpr uint64_t cr4_pae = 1 << 5;
    constexpr uint64_t cr4_la57 = 1 << 12;
    if (!cpu.paging())
        return Paging::none;
    if (cpu.long_mode())
        return (cpu.cr4 & cr4_la57) != 0 ? Paging::five_level : Paging::four_level;
    return (cpu.cr4 & cr4_pae) != 0 ? Paging::pae : Paging::two_level;
}

AddressSpace::AddressSpace(const PhysicalMemory& memory, uint64_t root, Paging paging)
    : memory_(&memory), root_(root & walk_of(paging).root_mask), paging_(paging) {}

std::optional<uint64_t> AddressSpace::translate(uint64_t address) const {
    if (paging_ == Paging::none)
        return address;
    const Walk walk = walk_of(paging_);
    if (!canonical(address, walk))
        return std::nullopt;
    uint64_t table = root_;
    for (unsigned level = walk.levels; level > 0; --level) {
        const unsigned shift = 12 + (level - 1) * walk.bits;
        const unsigned bits = level == walk.levels ? walk.top_bits : walk.bits;
        const uint64_t index = (address >> shift) & ((uint64_t{1} << bits) - 1);
        uint64_t entry = 0;
        const auto bytes = std::as_writable_bytes(std::span(&entry, 1)).first(walk.entry_size);
        if (!memory_->read(table + index * walk.entry_size, bytes) || (entry & present) == 0)
            return std::nullopt;
        const uint64_t size = uint64_t{1} << shift;
        if (level > 1 && level <= walk.largest_large && (entry & large) != 0)
            return large_page(entry, paging_, size) | (address & (size - 1));
        table = entry & entry_address;
    }
    return table | (address & (page_bytes - 1));
}

namespace {

// Goes through tables from the top down.
class PageLister {
  public:
    PageLister(const PhysicalMemory& memory, Paging paging,
               const std::function<void(uint64_t, uint64_t, uint64_t)>& visit)
        : memory_(memory), paging_(paging), walk_(walk_of(paging)), visit_(visit) {}

    // address: the first that the table is for.
    bool list(uint64_t table, unsigned level, uint64_t address) {
        constexpr unsigned max_tables = 1 << 16;
        if (++tables_ > max_tables)
            return false;
        const unsigned shift = 12 + (level - 1) * walk_.bits;
        const unsigned bits = level == walk_.levels ? walk_.top_bits : walk_.bits;
        std::vector<std::byte> entries(size_t{walk_.entry_size} << bits);
        if (!memory_.read(table, entries))
            return true;
        for (uint64_t index = 0; index < uint64_t{1} << bits; ++index) {
            uint64_t entry = 0;
            std::memcpy(&entry, entries.data() + index * walk_.entry_size, walk_.entry_size);
            if ((entry & present) == 0)
                continue;
            uint64_t begin = address | index << shift;
            if (level == walk_.levels && walk_.address_bits != 32 && index >> (bits - 1) != 0)
                begin |= ~uint64_t{0} << (walk_.address_bits - 1);  // the upper half
            const uint64_t size = uint64_t{1} << shift;
            if (level == 1)
                visit_(begin, entry & entry_address, size);
            else if (level <= walk_.largest_large && (entry & large) != 0)
                visit_(begin, large_page(entry, paging_, size), size);
            else if (!list(entry & entry_address, level - 1, begin))
                return false;
        }
        return true;
    }

  private:
    const PhysicalMemory& memory_;
    Paging paging_;
    Walk walk_;
    const std::function<void(uint64_t, uint64_t, uint64_t)>& visit_;
    unsigned tables_ = 0;
};

}  // namespace

bool AddressSpace::for_each_page(const std::function<void(uint64_t, uint64_t, uint64_t)>& visit) const {
    if (paging_ == Paging::none) {
        for (const PhysicalMemory::Range& range : memory_->ranges())
            visit(range.start, range.start, range.end - range.start);
        return true;
    }
    return PageLister(*memory_, paging_, visit).list(root_, walk_of(paging_).levels, 0);
}

bool AddressSpace::read(uint64_t address, std::span<std::byte> out) const {
    while (!out.empty()) {
        const auto physical = translate(address);
        const size_t size = std::min<uint64_t>(out.size(), page_bytes - address % page_bytes);
        if (!physical || !memory_->read(*physical, out.first(size)))
            return false;
        address += size;
        out = out.subspan(size);
    }
    return true;
}

}  // namespace panda::trace
