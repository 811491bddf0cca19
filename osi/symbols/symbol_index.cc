#include "osi/symbols/symbol_index.h"

#include <algorithm>
#include <limits>
#include <tuple>

namespace panda::osi {
namespace {

// How many symbols before an address may be in others (parts of functions, aliases), so that the one that has the
// address is not the nearest.
constexpr unsigned max_nested = 16;

}  // namespace

void SymbolIndex::add(uint64_t address, uint64_t size, std::string_view name, Rank rank) {
    if (name.empty() || names_.size() + name.size() >= std::numeric_limits<uint32_t>::max())
        return;
    entries_.push_back({address, size, static_cast<uint32_t>(names_.size()), rank});
    names_.append(name.substr(0, name.find('\0')));
    names_.push_back('\0');
}

void SymbolIndex::finish() {
    // Names lie one behind another, so of two the one that came first stays first.
    std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
        return std::tuple(a.address, a.rank, a.name) < std::tuple(b.address, b.rank, b.name);
    });
}

std::optional<SymbolIndex::Hit> SymbolIndex::find(uint64_t address) const {
    const auto behind =
        std::upper_bound(entries_.begin(), entries_.end(), address,
                         [](uint64_t wanted, const Entry& entry) { return wanted < entry.address; });
    const Entry* unsized = nullptr;  // the best at the nearest address; labels inside of functions are such
    auto entry = behind;
    for (unsigned steps = 0; entry != entries_.begin() && steps < max_nested; ++steps) {
        --entry;
        if (entry->size == 0) {
            if (unsized == nullptr || unsized->address == entry->address)
                unsized = &*entry;
            continue;
        }
        if (address - entry->address >= entry->size)
            continue;
        // The first of those at this address that have it.
        while (entry != entries_.begin() && std::prev(entry)->address == entry->address &&
               address - entry->address < std::prev(entry)->size)
            --entry;
        return Hit{entry->address, name_of(*entry)};
    }
    if (unsized == nullptr)
        return std::nullopt;
    return Hit{unsized->address, name_of(*unsized)};
}

std::optional<uint64_t> SymbolIndex::address_of(std::string_view name) const {
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const Entry& entry) { return name_of(entry) == name; });
    return found == entries_.end() ? std::nullopt : std::optional(found->address);
}

}  // namespace panda::osi
