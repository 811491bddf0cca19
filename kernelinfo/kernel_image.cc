#include "kernelinfo/kernel_image.h"

#include <elf.h>

#include <cstring>

#include "common/file.h"
#include "kernelinfo/archive.h"

namespace panda::kernelinfo {
namespace {

constexpr uint64_t max_image = uint64_t{2} << 30;
constexpr size_t max_sections = 4096;
constexpr size_t max_segments = 256;

bool begins_with(std::span<const std::byte> bytes, std::string_view magic) {
    return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

template <typename T>
T load(std::span<const std::byte> bytes, uint64_t offset) {
    if (bytes.size() < sizeof(T) || offset > bytes.size() - sizeof(T))
        throw Error("data ends early at offset " + std::to_string(offset));
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

bool names_kernel(const std::string& path) {
    const std::string name = path.substr(path.rfind('/') + 1);
    return name.rfind("vmlinuz", 0) == 0 || name.rfind("vmlinux", 0) == 0;
}

}  // namespace

bool is_bzimage(std::span<const std::byte> image) {
    // Boot protocol: "HdrS" at 0x202, version at 0x206; 2.08 brought payload_offset.
    return image.size() > 0x250 && std::memcmp(image.data() + 0x202, "HdrS", 4) == 0 &&
           load<uint16_t>(image, 0x206) >= 0x208;
}

Bytes unpack_bzimage(std::span<const std::byte> image) {
    const uint8_t setup_sectors = load<uint8_t>(image, 0x1f1);
    const uint64_t protected_mode = (uint64_t{setup_sectors == 0 ? uint8_t{4} : setup_sectors} + 1) * 512;
    const uint64_t start = protected_mode + load<uint32_t>(image, 0x248);
    const uint64_t length = load<uint32_t>(image, 0x24c);
    if (start > image.size() || length > image.size() - start)
        throw Error("boot header: the payload is beyond the file's end");
    auto payload = image.subspan(start, length);
    if (begins_with(payload, ELFMAG))
        return Bytes(payload.begin(), payload.end());
    // Makefile.lib's size_append puts the unpacked size, 4 bytes, after every stream except gzip's, which
    // ends with its size anyway.
    if (!begins_with(payload, "\x1f\x8b") && payload.size() > 4)
        payload = payload.first(payload.size() - 4);
    return decompress_any(payload, max_image, "boot payload at offset " + std::to_string(start));
}

KernelImage KernelImage::open(const std::string& path) {
    const MappedFile file(path);
    const auto bytes = file.bytes();
    if (begins_with(bytes, "!<arch>\n")) {
        auto [inner, content] = extract_from_deb(path, names_kernel, max_image);
        return KernelImage(std::move(content), path + " (" + inner + ")");
    }
    if (bytes.size() > max_image)
        throw FileError(path, "larger than 2 GiB");
    return KernelImage(Bytes(bytes.begin(), bytes.end()), path);
}

KernelImage::KernelImage(Bytes file, std::string name) : file_(std::move(file)), name_(std::move(name)) {
    try {
        if (is_bzimage(file_))
            file_ = unpack_bzimage(file_);
        if (!begins_with(file_, ELFMAG))
            throw Error("is not a kernel: neither ELF nor a bzImage nor a Debian package with one");
        const auto elf_class = load<uint8_t>(file_, EI_CLASS);
        if (load<uint8_t>(file_, EI_DATA) != ELFDATA2LSB ||
            (elf_class != ELFCLASS32 && elf_class != ELFCLASS64))
            throw Error("ELF header: only little-endian kernels of 32 or 64 bits are supported");
        pointer_size_ = elf_class == ELFCLASS64 ? 8 : 4;
        if (pointer_size_ == 8)
            read_headers<Elf64_Ehdr, Elf64_Shdr, Elf64_Phdr>();
        else
            read_headers<Elf32_Ehdr, Elf32_Shdr, Elf32_Phdr>();
    } catch (const FileError&) {
        throw;
    } catch (const Error& error) {
        throw FileError(name_, error.what());
    }
}

std::span<const std::byte> KernelImage::slice(uint64_t offset, uint64_t size) const {
    if (offset > file_.size() || size > file_.size() - offset)
        throw Error("ELF: a section or segment at offset " + std::to_string(offset) +
                    " ends beyond the file");
    return std::span(file_).subspan(offset, size);
}

template <typename Header, typename SectionHeader, typename ProgramHeader>
void KernelImage::read_headers() {
    const auto header = load<Header>(file_, 0);
    if (header.e_machine != EM_X86_64 && header.e_machine != EM_386)
        throw Error("ELF header: machine " + std::to_string(header.e_machine) + " is not x86");
    if (header.e_shnum > max_sections || header.e_phnum > max_segments)
        throw Error("ELF header: too many sections or segments");
    for (size_t i = 0; i < header.e_phnum; ++i) {
        const auto segment = load<ProgramHeader>(file_, header.e_phoff + i * sizeof(ProgramHeader));
        if (segment.p_type == PT_LOAD)
            segments_.push_back({segment.p_vaddr, slice(segment.p_offset, segment.p_filesz)});
    }
    std::vector<uint32_t> names;
    for (size_t i = 0; i < header.e_shnum; ++i) {
        const auto section = load<SectionHeader>(file_, header.e_shoff + i * sizeof(SectionHeader));
        const bool in_file = section.sh_type != SHT_NOBITS && section.sh_type != SHT_NULL;
        sections_.push_back(
            {{},
             section.sh_type,
             section.sh_link,
             in_file ? slice(section.sh_offset, section.sh_size) : std::span<const std::byte>()});
        names.push_back(section.sh_name);
    }
    if (header.e_shstrndx >= sections_.size())
        return;
    const auto strings = sections_[header.e_shstrndx].content;
    for (size_t i = 0; i < sections_.size(); ++i) {
        if (names[i] >= strings.size())
            continue;
        const auto* text = reinterpret_cast<const char*>(strings.data() + names[i]);
        sections_[i].name = std::string_view(text, ::strnlen(text, strings.size() - names[i]));
    }
}

std::span<const std::byte> KernelImage::section(std::string_view name) const {
    for (const Section& section : sections_)
        if (section.name == name)
            return section.content;
    return {};
}

std::optional<std::span<const std::byte>> KernelImage::read(uint64_t address, uint64_t size) const {
    for (const Segment& segment : segments_) {
        if (address < segment.address)
            continue;
        const uint64_t offset = address - segment.address;
        if (offset < segment.content.size() && size <= segment.content.size() - offset)
            return segment.content.subspan(offset, size);
    }
    return std::nullopt;
}

template <typename Symbol>
void KernelImage::add_symbols(const Section& table, SymbolTable& symbols) const {
    if (table.link >= sections_.size())
        return;
    const auto strings = sections_[table.link].content;
    for (uint64_t offset = 0; offset + sizeof(Symbol) <= table.content.size(); offset += sizeof(Symbol)) {
        const auto symbol = load<Symbol>(table.content, offset);
        const unsigned type = symbol.st_info & 0xf;
        if (symbol.st_shndx == SHN_UNDEF || type > STT_FUNC || symbol.st_name >= strings.size())
            continue;
        const auto* text = reinterpret_cast<const char*>(strings.data() + symbol.st_name);
        const size_t size = ::strnlen(text, strings.size() - symbol.st_name);
        if (size > 0)
            symbols.add(std::string(text, size), symbol.st_value);
    }
}

SymbolTable KernelImage::elf_symbols() const {
    SymbolTable symbols;
    for (const Section& section : sections_) {
        if (section.type != SHT_SYMTAB)
            continue;
        if (pointer_size_ == 8)
            add_symbols<Elf64_Sym>(section, symbols);
        else
            add_symbols<Elf32_Sym>(section, symbols);
    }
    return symbols;
}

}  // namespace panda::kernelinfo
