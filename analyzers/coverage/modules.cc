#include "analyzers/coverage/modules.h"

#include <algorithm>

namespace panda::coverage {

uint32_t ModuleFinder::number(Module module) {
    const auto [entry, fresh] = numbers_.try_emplace(module, static_cast<uint32_t>(modules_.size()));
    if (fresh)
        modules_.push_back(std::move(module));
    else
        modules_[entry->second].end = std::max(modules_[entry->second].end, module.end);
    return entry->second;
}

void ModuleFinder::find(const osi::Provider& provider, const osi::Point& point,
                        const osi::ProcessHandle& process, const Key& key, uint64_t pc) {
    if (process.asid == 0) {
        if (const auto place = find_in_kernel(provider, point, pc))
            places_[key] = *place;
        return;
    }
    if (auto found = symbolizer_.in_file(provider, point, process, pc))
        places_[key] = {number({std::move(found->path), found->base, found->end, std::move(found->file)}),
                        found->linked, pc - found->base};
}

std::optional<BlockPlace> ModuleFinder::place(const Key& key) const {
    const auto found = places_.find(key);
    return found == places_.end() ? std::nullopt : std::optional(found->second);
}

// The image's end is that of its last symbol's page; everything from the first symbol of code on belongs to it.
void ModuleFinder::read_kernel(const osi::Provider& provider, const osi::Point& point) {
    if (!kernel_known_) {
        uint64_t base = 0;
        uint64_t end = 0;
        for (const osi::KernelSymbol& symbol : provider.kernel_symbols(point).entries) {
            if (symbol.name == "_text" || (base == 0 && symbol.name == "_stext"))
                base = symbol.address;
            if (symbol.name == "_end" || (end == 0 && symbol.name == "_einittext"))
                end = std::max(end, symbol.address);
        }
        if (base != 0 && end > base)
            kernel_[base] = {"kernel", base, end};
        kernel_known_ = base != 0;
    }
    for (const osi::Module& module : provider.modules(point).entries)
        if (module.base != 0)
            kernel_[module.base] = {module.name, module.base, module.base + module.size};
}

std::optional<BlockPlace> ModuleFinder::find_in_kernel(const osi::Provider& provider, const osi::Point& point,
                                                       uint64_t pc) {
    constexpr uint64_t page_bits = 12;
    for (int attempt = 0; attempt < 2; ++attempt) {
        auto next = kernel_.upper_bound(pc);
        if (next != kernel_.begin())
            if (const Module& module = std::prev(next)->second; pc < module.end)
                return BlockPlace{number(module), pc, pc - module.base};
        // A module may have been loaded since; a page is worth one look.
        if (!missed_.insert(pc >> page_bits).second)
            return std::nullopt;
        read_kernel(provider, point);
    }
    return std::nullopt;
}

}  // namespace panda::coverage
