#include "osi/symbols/kernel_names.h"

#include <algorithm>
#include <utility>

namespace panda::osi {
namespace {

const std::string kernel_name = "kernel";
constexpr uint64_t page_bytes = 4096;
constexpr size_t max_missed = 1 << 16;
constexpr uint64_t max_unsized = page_bytes;  // assembly code in modules

// Addresses of the kernel's half, in 64 or 32 bits; per-CPU variables are below.
bool is_address(uint64_t address, bool wide) {
    return wide ? address >> 63 != 0 : address >= 0x4000'0000;
}

}  // namespace

KernelNames::KernelNames(const Provider& provider, const Point& point, SymbolFiles& files) : files_(files) {
    const List<KernelSymbol> symbols = provider.kernel_symbols(point);
    warning_ = symbols.warning;
    const bool wide = point.cpu->long_mode();
    lowest_ = ~uint64_t{0};
    for (const KernelSymbol& symbol : symbols.entries) {
        if (!is_address(symbol.address, wide))
            continue;
        kernel_.add(symbol.address, symbol.size, symbol.name, SymbolIndex::global);
        lowest_ = std::min(lowest_, symbol.address);
        end_ = std::max(end_, symbol.address);
    }
    kernel_.finish();
    // Modules may lie below the kernel, and so do the entry areas.
    lowest_ = wide ? uint64_t{1} << 63 : std::min<uint64_t>(lowest_, 0xc000'0000);
}

void KernelNames::load_modules(const Provider& provider, const Point& point) {
    for (const Module& module : provider.modules(point).entries) {
        auto& known = modules_[{module.descriptor, module.base}];
        if (known && known->name == module.name)
            continue;
        known = std::make_unique<LoadedModule>();
        known->name = module.name;
        for (const KernelSymbol& symbol : provider.module_symbols(point, module).entries)
            known->symbols.add(
                symbol.address, symbol.size, symbol.name,
                symbol.type >= 'a' && symbol.type <= 'z' ? SymbolIndex::local : SymbolIndex::global);
        known->symbols.finish();
    }
}

std::optional<KernelNames::Hit> KernelNames::find_loaded(uint64_t address) const {
    std::optional<Hit> best;
    for (const auto& [place, module] : modules_) {
        const auto hit = module->symbols.find(address);
        if (hit && address - hit->start < max_unsized && (!best || hit->start > best->symbol.start))
            best = Hit{&module->name, *hit};
    }
    return best;
}

std::optional<KernelNames::Hit> KernelNames::find(const Provider& provider, const Point& point,
                                                  uint64_t address) {
    if (address < end_)
        if (const auto hit = kernel_.find(address))
            return Hit{&kernel_name, *hit};
    if (const auto hit = find_loaded(address))
        return hit;
    if (missed_.size() >= max_missed || !missed_.insert(address / page_bytes).second)
        return std::nullopt;
    load_modules(provider, point);
    return find_loaded(address);
}

std::optional<SourceLine> KernelNames::line(uint64_t address) {
    if (!std::exchange(looked_for_file_, true) && !files_.empty())
        open_file(files_);
    return file_ ? file_->line(address - slide_) : std::nullopt;
}

void KernelNames::open_file(SymbolFiles& files) {
    const auto text = kernel_.address_of("_text");
    if (!text)
        return;
    file_ = files.find("vmlinux", {});
    const auto linked = file_ ? file_->symbols().address_of("_text") : std::nullopt;
    if (!linked) {
        file_.reset();
        return;
    }
    slide_ = *text - *linked;
}

}  // namespace panda::osi
