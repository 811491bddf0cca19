#include "osi/symbols/guest_elf.h"

#include <elf.h>

#include <algorithm>
#include <cstring>

#include "common/bytes.h"
#include "common/hex.h"

namespace panda::osi {
namespace {

constexpr uint64_t page_bytes = 4096;
constexpr unsigned max_segments = 64;
constexpr unsigned max_dynamic = 256;
constexpr uint64_t max_notes = 4096;
constexpr size_t max_build_id = 64;
constexpr uint32_t max_symbols = 1 << 18;  // libLLVM has about 50,000
constexpr uint64_t max_strings = uint64_t{32} << 20;
constexpr uint32_t max_buckets = 1 << 20;
constexpr size_t max_name = 4096;  // C++ names are long

struct Elf64 {
    using Header = Elf64_Ehdr;
    using Program = Elf64_Phdr;
    using Dynamic = Elf64_Dyn;
    using Symbol = Elf64_Sym;
    using Word = uint64_t;
};
struct Elf32 {
    using Header = Elf32_Ehdr;
    using Program = Elf32_Phdr;
    using Dynamic = Elf32_Dyn;
    using Symbol = Elf32_Sym;
    using Word = uint32_t;
};

template <typename Elf>
class Reader {
  public:
    Reader(const ReadGuest& read, uint64_t base) : read_(read), base_(base) {}
    std::optional<GuestElf> go();

  private:
    // What .dynamic says, as addresses of the guest.
    struct Tables {
        uint64_t symbols = 0, strings = 0, hash = 0, gnu_hash = 0;
        uint64_t strings_size = 0;
    };

    template <typename T>
    bool load(uint64_t address, T& value) const {
        return read_(address, std::as_writable_bytes(std::span(&value, 1)));
    }
    bool read_segments(const typename Elf::Header& header);
    void read_notes(uint64_t address, uint64_t size);
    std::optional<Tables> read_dynamic();
    uint64_t moved(uint64_t value) const;
    uint32_t count_symbols(const Tables& tables);
    uint32_t count_by_gnu_hash(uint64_t table);
    void read_symbols(const Tables& tables);
    // Fills `out` page by page, with zeros where no page is.
    void read_pages(uint64_t address, std::span<std::byte> out);

    const ReadGuest& read_;
    uint64_t base_;
    uint64_t bias_ = 0;  // address in the guest - address at link time
    uint64_t end_ = 0;   // the highest link-time address
    typename Elf::Program dynamic_{};
    GuestElf result_;
};

template <typename Elf>
std::optional<GuestElf> Reader<Elf>::go() {
    typename Elf::Header header;
    if (!load(base_, header) || header.e_phentsize != sizeof(typename Elf::Program) || !read_segments(header))
        return std::nullopt;
    if (dynamic_.p_memsz != 0) {
        if (const auto tables = read_dynamic())
            read_symbols(*tables);
        else
            result_.complete = false;
    }
    result_.symbols.finish();
    return std::move(result_);
}

template <typename Elf>
bool Reader<Elf>::read_segments(const typename Elf::Header& header) {
    std::vector<typename Elf::Program> programs;
    for (unsigned i = 0; i < std::min<unsigned>(header.e_phnum, max_segments); ++i) {
        typename Elf::Program program;
        if (!load(base_ + header.e_phoff + i * sizeof program, program))
            return false;
        programs.push_back(program);
    }
    bool first = true;
    for (const auto& program : programs) {
        if (program.p_type != PT_LOAD)
            continue;
        // The header is in the segment that starts at the file's start.
        if (first)
            bias_ = base_ - (program.p_vaddr - program.p_offset);
        first = false;
        result_.segments.push_back({program.p_offset, program.p_vaddr, program.p_filesz});
        end_ = std::max<uint64_t>(end_, uint64_t{program.p_vaddr} + program.p_memsz);
    }
    for (const auto& program : programs) {
        if (program.p_type == PT_NOTE)
            read_notes(bias_ + program.p_vaddr, std::min<uint64_t>(program.p_filesz, max_notes));
        if (program.p_type == PT_DYNAMIC)
            dynamic_ = program;
    }
    return !first;
}

template <typename Elf>
void Reader<Elf>::read_notes(uint64_t address, uint64_t size) {
    Bytes notes(size);
    if (!read_(address, notes)) {
        result_.complete = false;
        return;
    }
    for (size_t at = 0; notes.size() - at >= sizeof(Elf64_Nhdr);) {
        Elf64_Nhdr note;  // the same in 32-bit files
        std::memcpy(&note, notes.data() + at, sizeof note);
        const uint64_t name = at + sizeof note;
        const uint64_t content = name + (uint64_t{note.n_namesz} + 3) / 4 * 4;
        const uint64_t next = content + (uint64_t{note.n_descsz} + 3) / 4 * 4;
        if (next > notes.size())
            return;
        if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
            std::memcmp(notes.data() + name, ELF_NOTE_GNU, 4) == 0 && note.n_descsz <= max_build_id)
            result_.build_id = hex_bytes(std::span(notes).subspan(content, note.n_descsz));
        at = next;
    }
}

// glibc's loader adds the bias to the addresses in .dynamic, other loaders and the kernel's vdso leave them.
template <typename Elf>
uint64_t Reader<Elf>::moved(uint64_t value) const {
    return value < end_ ? bias_ + value : value;
}

template <typename Elf>
std::optional<typename Reader<Elf>::Tables> Reader<Elf>::read_dynamic() {
    Tables tables;
    const uint64_t count = std::min<uint64_t>(dynamic_.p_memsz / sizeof(typename Elf::Dynamic), max_dynamic);
    for (uint64_t i = 0; i < count; ++i) {
        typename Elf::Dynamic entry;
        if (!load(bias_ + dynamic_.p_vaddr + i * sizeof entry, entry))
            return std::nullopt;
        switch (entry.d_tag) {
            case DT_NULL:
                i = count;
                break;
            case DT_SYMTAB:
                tables.symbols = moved(entry.d_un.d_ptr);
                break;
            case DT_STRTAB:
                tables.strings = moved(entry.d_un.d_ptr);
                break;
            case DT_STRSZ:
                tables.strings_size = std::min<uint64_t>(entry.d_un.d_val, max_strings);
                break;
            case DT_HASH:
                tables.hash = moved(entry.d_un.d_ptr);
                break;
            case DT_GNU_HASH:
                tables.gnu_hash = moved(entry.d_un.d_ptr);
                break;
            default:
                break;
        }
    }
    if (tables.symbols == 0 || tables.strings == 0)
        return std::nullopt;
    return tables;
}

template <typename Elf>
uint32_t Reader<Elf>::count_symbols(const Tables& tables) {
    uint32_t header[2];  // buckets, chains: as many as symbols
    if (tables.hash != 0 && load(tables.hash, header))
        return std::min(header[1], max_symbols);
    if (tables.gnu_hash != 0)
        if (const uint32_t count = count_by_gnu_hash(tables.gnu_hash))
            return std::min(count, max_symbols);
    // Linkers put the strings right behind the symbols.
    if (tables.strings > tables.symbols)
        return static_cast<uint32_t>(std::min<uint64_t>(
            (tables.strings - tables.symbols) / sizeof(typename Elf::Symbol), max_symbols));
    return 0;
}

// The table has no number of symbols. The last one is the last in the chain that starts latest.
template <typename Elf>
uint32_t Reader<Elf>::count_by_gnu_hash(uint64_t table) {
    uint32_t header[4];  // buckets, first hashed symbol, words of the filter, shift
    if (!load(table, header) || header[0] > max_buckets || header[2] > max_buckets)
        return 0;
    const uint64_t buckets = table + sizeof header + uint64_t{header[2]} * sizeof(typename Elf::Word);
    Bytes content(uint64_t{header[0]} * 4);
    read_pages(buckets, content);
    uint32_t last = 0;
    for (size_t i = 0; i < content.size(); i += 4) {
        uint32_t bucket;
        std::memcpy(&bucket, content.data() + i, 4);
        last = std::max(last, bucket);
    }
    if (last < header[1])
        return header[1];
    const uint64_t chains = buckets + content.size();
    for (uint32_t hash = 0; last < max_symbols; ++last) {
        if (!load(chains + uint64_t{last - header[1]} * 4, hash))
            return 0;
        if ((hash & 1) != 0)
            return last + 1;
    }
    return 0;
}

template <typename Elf>
void Reader<Elf>::read_pages(uint64_t address, std::span<std::byte> out) {
    while (!out.empty()) {
        const size_t part = std::min<uint64_t>(out.size(), page_bytes - address % page_bytes);
        if (!read_(address, out.first(part))) {
            std::fill_n(out.begin(), part, std::byte{0});
            result_.complete = false;
        }
        address += part;
        out = out.subspan(part);
    }
}

template <typename Elf>
void Reader<Elf>::read_symbols(const Tables& tables) {
    Bytes rows(uint64_t{count_symbols(tables)} * sizeof(typename Elf::Symbol));
    read_pages(tables.symbols, rows);
    Bytes strings(tables.strings_size);
    read_pages(tables.strings, strings);
    for (size_t at = 0; at < rows.size(); at += sizeof(typename Elf::Symbol)) {
        typename Elf::Symbol symbol;
        std::memcpy(&symbol, rows.data() + at, sizeof symbol);
        const unsigned type = symbol.st_info & 0xf;
        const bool named =
            type == STT_FUNC || type == STT_OBJECT || type == STT_GNU_IFUNC || type == STT_NOTYPE;
        if (!named || symbol.st_shndx == SHN_UNDEF || symbol.st_shndx == SHN_ABS ||
            symbol.st_name >= strings.size())
            continue;
        const auto* const name = reinterpret_cast<const char*>(strings.data()) + symbol.st_name;
        const size_t size = ::strnlen(name, std::min(strings.size() - symbol.st_name, max_name));
        result_.symbols.add(symbol.st_value, symbol.st_size, {name, size},
                            (symbol.st_info >> 4) == STB_GLOBAL ? SymbolIndex::global
                            : (symbol.st_info >> 4) == STB_WEAK ? SymbolIndex::weak
                                                                : SymbolIndex::local);
    }
}

}  // namespace

std::optional<uint64_t> address_of_offset(std::span<const LoadSegment> segments, uint64_t offset) {
    // Pages are mapped whole, so a segment also has what comes before and behind it in its first and last page.
    const LoadSegment* near = nullptr;
    for (const LoadSegment& segment : segments) {
        if (offset - segment.offset < segment.size)
            return segment.address + (offset - segment.offset);
        const uint64_t start = segment.offset / page_bytes * page_bytes;
        if (offset >= start && offset - start < segment.offset - start + segment.size + page_bytes)
            near = &segment;
    }
    return near == nullptr ? std::nullopt : std::optional(near->address + (offset - near->offset));
}

std::optional<GuestElf> read_guest_elf(const ReadGuest& read, uint64_t base) {
    std::array<unsigned char, EI_NIDENT> start;
    if (!read(base, std::as_writable_bytes(std::span(start))) ||
        std::memcmp(start.data(), ELFMAG, SELFMAG) != 0 || start[EI_DATA] != ELFDATA2LSB)
        return std::nullopt;
    if (start[EI_CLASS] == ELFCLASS64)
        return Reader<Elf64>(read, base).go();
    if (start[EI_CLASS] == ELFCLASS32)
        return Reader<Elf32>(read, base).go();
    return std::nullopt;
}

}  // namespace panda::osi
