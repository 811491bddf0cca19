// OsiLinux: the symbols that a kernel carries, of itself and of its modules.
#include <elf.h>

#include <algorithm>
#include <cstring>

#include "common/bytes.h"
#include "common/error.h"
#include "osi/linux/discover.h"
#include "osi/linux/osi_linux.h"

namespace panda::osi::linux_guest {
namespace {

using kernelinfo::KernelInfo;

constexpr uint32_t max_module_symbols = 1 << 20;  // i915 has about 10,000
constexpr uint64_t max_module_strings = uint64_t{32} << 20;
constexpr size_t max_symbol_name = 512;  // KSYM_NAME_LEN
constexpr uint64_t page_bytes = 4096;

// A module's symbol, in the form of 64-bit ELF files.
struct ModuleSymbol {
    uint64_t address, size;
    uint32_t name;
    uint16_t section;
    uint8_t info;
};

template <typename ElfSymbol>
ModuleSymbol symbol_of(std::span<const std::byte> row) {
    ElfSymbol raw;
    std::memcpy(&raw, row.data(), sizeof raw);
    return {raw.st_value, raw.st_size, raw.st_name, raw.st_shndx, raw.st_info};
}

// Fills `out`, and leaves zeros where no page is.
void read_pages(const KernelMemory& memory, uint64_t address, std::span<std::byte> out) {
    while (!out.empty()) {
        const size_t part = std::min<uint64_t>(out.size(), page_bytes - address % page_bytes);
        if (!memory.space().read(memory.wrap(address), out.first(part)))
            std::fill_n(out.begin(), part, std::byte{0});
        address += part;
        out = out.subspan(part);
    }
}

// Kernels before 5.2 keep the type in st_info (add_kallsyms() of kernel/module.c), as later ones do in typetab.
char type_of(const ModuleSymbol& symbol, std::span<const std::byte> types, uint32_t number) {
    return number < types.size() ? static_cast<char>(types[number]) : static_cast<char>(symbol.info);
}

// Whether a symbol is one of the module's own. What it takes from elsewhere has no section.
bool is_own(const ModuleSymbol& symbol) {
    return symbol.section != SHN_UNDEF && symbol.address != 0 && symbol.name != 0;
}

}  // namespace

List<KernelSymbol> OsiLinux::kernel_symbols(const Point& point) const {
    List<KernelSymbol> list;
    try {
        for (kernelinfo::KallsymsEntry& entry : read_kallsyms(kernel_memory(point), *point.cpu))
            list.entries.push_back({entry.address, 0, entry.type, std::move(entry.name)});
    } catch (const Error& error) {
        list.warning = std::string("the kernel's symbols cannot be read: ") + error.what();
    }
    return list;
}

// struct mod_kallsyms of include/linux/module.h. Before 4.5 the same members are in struct module itself, and such
// modules have no names here.
List<KernelSymbol> OsiLinux::module_symbols(const Point& point, const Module& module) const {
    List<KernelSymbol> list;
    if (!info_.panda_module_kallsyms_offset || !info_.panda_mod_kallsyms_symtab_offset ||
        !info_.panda_mod_kallsyms_num_symtab_offset || !info_.panda_mod_kallsyms_strtab_offset)
        return list;
    const KernelMemory memory = kernel_memory(point);
    const auto table = memory.pointer(at(module.descriptor, *info_.panda_module_kallsyms_offset));
    if (!table || !memory.is_kernel_address(*table))
        return list;
    const auto field = [&](const kernelinfo::Offset& offset) {
        return offset ? memory.pointer(at(*table, *offset)).value_or(0) : 0;
    };
    const uint64_t rows = field(info_.panda_mod_kallsyms_symtab_offset);
    const uint64_t strings = field(info_.panda_mod_kallsyms_strtab_offset);
    const uint32_t count = memory.u32(at(*table, *info_.panda_mod_kallsyms_num_symtab_offset)).value_or(0);
    if (!memory.is_kernel_address(rows) || !memory.is_kernel_address(strings) || count > max_module_symbols) {
        list.warning = "the symbols of module " + module.name + " cannot be read";
        return list;
    }
    const bool wide = pointer_size_ == 8;
    const size_t row_bytes = wide ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
    Bytes content(count * row_bytes);
    read_pages(memory, rows, content);
    const uint64_t type_table = field(info_.panda_mod_kallsyms_typetab_offset);
    Bytes types(memory.is_kernel_address(type_table) ? count : 0);
    read_pages(memory, type_table, types);
    for (uint32_t number = 0; number < count; ++number) {
        const auto row = std::span(content).subspan(number * row_bytes, row_bytes);
        const ModuleSymbol symbol = wide ? symbol_of<Elf64_Sym>(row) : symbol_of<Elf32_Sym>(row);
        if (!is_own(symbol) || symbol.name > max_module_strings)
            continue;
        auto name = memory.string(strings + symbol.name, max_symbol_name);
        if (name && !name->empty())
            list.entries.push_back(
                {symbol.address, symbol.size, type_of(symbol, types, number), std::move(*name)});
    }
    return list;
}

}  // namespace panda::osi::linux_guest
