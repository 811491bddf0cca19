#include "osi/symbols/elf_file.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <gelf.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "common/error.h"
#include "common/file.h"
#include "common/hex.h"

namespace panda::osi {
namespace {

constexpr size_t max_segments = 64;
constexpr size_t max_build_id = 64;
constexpr size_t max_units = 1 << 20;
constexpr size_t max_ranges = 1 << 22;
constexpr size_t max_line_ranges = 1 << 24;

struct EndDwarf {
    void operator()(Dwarf* dwarf) const { dwarf_end(dwarf); }
};
struct EndElf {
    void operator()(Elf* elf) const { elf_end(elf); }
};

bool is_code(Elf* elf, size_t section) {
    GElf_Shdr header;
    Elf_Scn* const found = elf_getscn(elf, section);
    return found != nullptr && gelf_getshdr(found, &header) != nullptr &&
           (header.sh_flags & SHF_EXECINSTR) != 0;
}

SymbolIndex::Rank rank_of(const GElf_Sym& symbol) {
    switch (GELF_ST_BIND(symbol.st_info)) {
        case STB_GLOBAL:
            return SymbolIndex::global;
        case STB_WEAK:
            return SymbolIndex::weak;
        default:
            return SymbolIndex::local;
    }
}

// Assembly code has symbols without a type.
bool is_named(Elf* elf, const GElf_Sym& symbol) {
    if (symbol.st_shndx == SHN_UNDEF || symbol.st_shndx == SHN_ABS)
        return false;
    const unsigned type = GELF_ST_TYPE(symbol.st_info);
    return type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_OBJECT ||
           (type == STT_NOTYPE && is_code(elf, symbol.st_shndx));
}

void add_symbols(Elf* elf, Elf_Scn* section, const GElf_Shdr& header, SymbolIndex& index) {
    Elf_Data* const data = elf_getdata(section, nullptr);
    if (data == nullptr || header.sh_entsize == 0)
        return;
    const auto count = static_cast<int>(std::min<uint64_t>(data->d_size / header.sh_entsize, 1 << 24));
    for (int number = 0; number < count; ++number) {
        GElf_Sym symbol;
        if (gelf_getsym(data, number, &symbol) == nullptr)
            return;
        const char* const name =
            is_named(elf, symbol) ? elf_strptr(elf, header.sh_link, symbol.st_name) : nullptr;
        if (name != nullptr)
            index.add(symbol.st_value, symbol.st_size, name, rank_of(symbol));
    }
}

// Calls use(section, header) for each section of one of these types.
template <typename Use>
void for_each_section(Elf* elf, std::initializer_list<GElf_Word> types, const Use& use) {
    Elf_Scn* section = nullptr;
    while ((section = elf_nextscn(elf, section)) != nullptr) {
        GElf_Shdr header;
        if (gelf_getshdr(section, &header) != nullptr &&
            std::find(types.begin(), types.end(), header.sh_type) != types.end())
            use(section, header);
    }
}

}  // namespace

struct ElfFile::State {
    explicit State(const std::string& path) : file(path) {}
    void index_units();

    // Code of a compilation unit.
    struct Range {
        uint64_t start, end;
        Dwarf_Off unit;
    };

    MappedFile file;
    std::unique_ptr<Elf, EndElf> elf;
    std::unique_ptr<Dwarf, EndDwarf> dwarf;  // null until it is needed, and for a file without DWARF
    bool looked_for_dwarf = false;
    std::vector<Range> ranges;  // by start
    std::string build_id;
    std::vector<LoadSegment> segments;
    bool has_symtab = false;
    bool has_lines = false;
};

ElfFile::ElfFile(const std::string& path) : state_(std::make_unique<State>(path)) {
    elf_version(EV_CURRENT);
    const auto bytes = state_->file.bytes();
    // libelf takes its image as writable, but a file that is only read stays as it is.
    auto* const image = const_cast<char*>(reinterpret_cast<const char*>(bytes.data()));
    state_->elf.reset(bytes.empty() ? nullptr : elf_memory(image, bytes.size()));
    Elf* const elf = state_->elf.get();
    GElf_Ehdr header;
    if (elf == nullptr || elf_kind(elf) != ELF_K_ELF || gelf_getehdr(elf, &header) == nullptr ||
        (header.e_machine != EM_X86_64 && header.e_machine != EM_386))
        throw FileError(path, "is not an ELF file of an x86");
    size_t count = 0;
    if (elf_getphdrnum(elf, &count) != 0)
        count = 0;
    for (size_t i = 0; i < std::min(count, max_segments); ++i) {
        GElf_Phdr program;
        if (gelf_getphdr(elf, static_cast<int>(i), &program) != nullptr && program.p_type == PT_LOAD)
            state_->segments.push_back({program.p_offset, program.p_vaddr, program.p_filesz});
    }
    const void* id = nullptr;
    const ssize_t size = dwelf_elf_gnu_build_id(elf, &id);
    if (size > 0 && static_cast<size_t>(size) <= max_build_id)
        state_->build_id = hex_bytes({static_cast<const std::byte*>(id), static_cast<size_t>(size)});
    for_each_section(elf, {SHT_SYMTAB}, [&](Elf_Scn*, const GElf_Shdr&) { state_->has_symtab = true; });
    size_t names = 0;
    if (elf_getshdrstrndx(elf, &names) == 0)
        for_each_section(elf, {SHT_PROGBITS}, [&](Elf_Scn*, const GElf_Shdr& section) {
            const char* const name = elf_strptr(elf, names, section.sh_name);
            if (name != nullptr &&
                (std::strcmp(name, ".debug_line") == 0 || std::strcmp(name, ".zdebug_line") == 0))
                state_->has_lines = true;
        });
}

ElfFile::~ElfFile() = default;

const std::string& ElfFile::path() const {
    return state_->file.path();
}
const std::string& ElfFile::build_id() const {
    return state_->build_id;
}
const std::vector<LoadSegment>& ElfFile::segments() const {
    return state_->segments;
}
bool ElfFile::has_symtab() const {
    return state_->has_symtab;
}
bool ElfFile::has_lines() const {
    return state_->has_lines;
}

SymbolIndex ElfFile::symbols() const {
    SymbolIndex index;
    Elf* const elf = state_->elf.get();
    for_each_section(elf, {SHT_SYMTAB, SHT_DYNSYM}, [&](Elf_Scn* section, const GElf_Shdr& header) {
        add_symbols(elf, section, header, index);
    });
    index.finish();
    return index;
}

void ElfFile::State::index_units() {
    looked_for_dwarf = true;
    if (!has_lines)
        return;
    dwarf.reset(dwarf_begin_elf(elf.get(), DWARF_C_READ, nullptr));
    Dwarf_CU* unit = nullptr;
    Dwarf_Die die;
    uint8_t type = 0;
    for (size_t units = 0; dwarf && units < max_units; ++units) {
        if (dwarf_get_units(dwarf.get(), unit, &unit, nullptr, &type, &die, nullptr) != 0)
            break;
        if (type != DW_UT_compile && type != DW_UT_partial && type != DW_UT_skeleton)
            continue;
        Dwarf_Addr base = 0;
        Dwarf_Addr start = 0;
        Dwarf_Addr end = 0;
        for (ptrdiff_t place = 0; ranges.size() < max_ranges;) {
            place = dwarf_ranges(&die, place, &base, &start, &end);
            if (place <= 0)
                break;
            if (start != 0)  // what linkers leave of code that they have dropped
                ranges.push_back({start, end, dwarf_dieoffset(&die)});
        }
    }
    std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return a.start < b.start; });
}

std::optional<SourceLine> ElfFile::line(uint64_t address) {
    if (!state_->looked_for_dwarf)
        state_->index_units();
    auto range =
        std::upper_bound(state_->ranges.begin(), state_->ranges.end(), address,
                         [](uint64_t wanted, const State::Range& entry) { return wanted < entry.start; });
    // The ranges of sound files do not overlap.
    if (range == state_->ranges.begin() || address >= (--range)->end)
        return std::nullopt;
    Dwarf_Die unit;
    if (dwarf_offdie(state_->dwarf.get(), range->unit, &unit) == nullptr)
        return std::nullopt;
    Dwarf_Line* const found = dwarf_getsrc_die(&unit, address);
    const char* const file = found != nullptr ? dwarf_linesrc(found, nullptr, nullptr) : nullptr;
    int number = 0;
    if (file == nullptr || dwarf_lineno(found, &number) != 0 || number <= 0)
        return std::nullopt;
    return SourceLine{file, static_cast<unsigned>(number)};
}

namespace {

// The ranges of one compilation unit. A row reaches to the next one of its sequence.
void add_lines(Dwarf_Lines* lines, size_t count, std::map<std::string, uint32_t>& numbers, LineTable& table) {
    for (size_t i = 0; i + 1 < count && table.ranges.size() < max_line_ranges; ++i) {
        Dwarf_Line* const row = dwarf_onesrcline(lines, i);
        Dwarf_Line* const next = dwarf_onesrcline(lines, i + 1);
        Dwarf_Addr start = 0;
        Dwarf_Addr end = 0;
        bool last = false;
        int number = 0;
        if (row == nullptr || next == nullptr || dwarf_lineendsequence(row, &last) != 0 || last ||
            dwarf_lineaddr(row, &start) != 0 || dwarf_lineaddr(next, &end) != 0 || end <= start ||
            start == 0 || dwarf_lineno(row, &number) != 0 || number <= 0)
            continue;
        const char* const file = dwarf_linesrc(row, nullptr, nullptr);
        if (file == nullptr)
            continue;
        const auto [entry, fresh] = numbers.try_emplace(file, static_cast<uint32_t>(table.files.size()));
        if (fresh)
            table.files.emplace_back(file);
        table.ranges.push_back({start, end, entry->second, static_cast<unsigned>(number)});
    }
}

}  // namespace

LineTable ElfFile::lines() {
    if (!state_->looked_for_dwarf)
        state_->index_units();
    LineTable table;
    std::map<std::string, uint32_t> numbers;
    std::set<Dwarf_Off> seen;
    for (const State::Range& range : state_->ranges) {
        Dwarf_Die unit;
        Dwarf_Lines* lines = nullptr;
        size_t count = 0;
        if (seen.insert(range.unit).second &&
            dwarf_offdie(state_->dwarf.get(), range.unit, &unit) != nullptr &&
            dwarf_getsrclines(&unit, &lines, &count) == 0)
            add_lines(lines, count, numbers, table);
    }
    std::sort(table.ranges.begin(), table.ranges.end(),
              [](const LineRange& a, const LineRange& b) { return a.start < b.start; });
    return table;
}

}  // namespace panda::osi
