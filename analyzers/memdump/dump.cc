#include "analyzers/memdump/dump.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "analyzers/memdump/notes.h"
#include "analyzers/memdump/vmcoreinfo.h"
#include "common/error.h"

namespace panda::analyze_memdump {
namespace {

constexpr uint64_t piece_size = uint64_t{1} << 20;
constexpr uint64_t four_gib = uint64_t{1} << 32;

// bytes: a page at most.
bool is_zero(std::span<const std::byte> bytes) {
    static constexpr std::array<std::byte, trace::page_size> zeros{};
    return std::memcmp(bytes.data(), zeros.data(), bytes.size()) == 0;
}

// Writes bytes, and leaves out runs of pages that are zero.
void write_sparsely(OutputFile& file, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        size_t size = 0;
        const auto page_at = [&](size_t at) {
            return bytes.subspan(at, std::min<size_t>(trace::page_size, bytes.size() - at));
        };
        const bool zero = is_zero(page_at(0));
        while (size < bytes.size() && is_zero(page_at(size)) == zero)
            size += page_at(size).size();
        if (zero)
            file.write_zeros(size);
        else
            file.write(bytes.first(size));
        bytes = bytes.subspan(size);
    }
}

// Writes physical memory [address, address + size), which must be there.
void write_memory(OutputFile& file, const trace::Moment& moment, uint64_t address, uint64_t size) {
    Bytes piece(std::min(size, piece_size));
    while (size != 0) {
        const auto part = std::span(piece).first(std::min<uint64_t>(size, piece.size()));
        if (!moment.memory().read(address, part))
            throw Error("guest memory cannot be read at physical address " + std::to_string(address));
        write_sparsely(file, part);
        address += part.size();
        size -= part.size();
    }
}

// What is where in the guest's physical memory, outside of system management mode.
std::span<const trace::MappedRange> mapped_ranges(const trace::Moment& moment) {
    if (moment.memory().maps().empty())
        throw Error("the guest has no memory at this moment");
    return moment.memory().maps()[0].ranges;
}

// The two sizes of ELF, for which there is one code.
struct Elf64 {
    using Header = Elf64_Ehdr;
    using Segment = Elf64_Phdr;
    static constexpr unsigned char elf_class = ELFCLASS64;
};
struct Elf32 {
    using Header = Elf32_Ehdr;
    using Segment = Elf32_Phdr;
    static constexpr unsigned char elf_class = ELFCLASS32;
};

Bytes make_notes(const trace::CpuState& cpu, const Bytes& prstatus,
                 const std::optional<std::string>& vmcoreinfo) {
    constexpr uint32_t qemu_type = 0;
    constexpr uint32_t vmcoreinfo_type = 0;
    ByteWriter notes;
    put_note(notes, "CORE", NT_PRSTATUS, prstatus);
    put_note(notes, "QEMU", qemu_type, qemu_cpu_state(cpu));
    if (vmcoreinfo)
        put_note(notes, "VMCOREINFO", vmcoreinfo_type,
                 std::as_bytes(std::span(vmcoreinfo->data(), vmcoreinfo->size())));
    return notes.take();
}

template <typename Elf>
void write_headers(OutputFile& file, uint16_t machine, const Bytes& notes,
                   std::span<const MemoryPart> parts) {
    typename Elf::Header header{};
    std::copy_n(ELFMAG, SELFMAG, header.e_ident);
    header.e_ident[EI_CLASS] = Elf::elf_class;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_CORE;
    header.e_machine = machine;
    header.e_version = EV_CURRENT;
    header.e_phoff = sizeof(header);
    header.e_ehsize = sizeof(header);
    header.e_phentsize = sizeof(typename Elf::Segment);

    std::vector<typename Elf::Segment> segments(1 + parts.size());
    header.e_phnum = static_cast<uint16_t>(segments.size());
    uint64_t offset = sizeof(header) + segments.size() * sizeof(typename Elf::Segment);
    const auto place = [&offset](typename Elf::Segment& segment, uint64_t size) {
        segment.p_offset = static_cast<decltype(segment.p_offset)>(offset);
        segment.p_filesz = static_cast<decltype(segment.p_filesz)>(size);
        segment.p_memsz = segment.p_filesz;
        offset += size;
    };
    segments[0].p_type = PT_NOTE;
    place(segments[0], notes.size());
    for (size_t i = 0; i < parts.size(); ++i) {
        auto& segment = segments[i + 1];
        segment.p_type = PT_LOAD;
        segment.p_flags = PF_R | PF_W | PF_X;
        segment.p_paddr = static_cast<decltype(segment.p_paddr)>(parts[i].physical);
        segment.p_vaddr = static_cast<decltype(segment.p_vaddr)>(parts[i].address);
        place(segment, parts[i].size);
    }
    file.write(std::as_bytes(std::span(&header, 1)));
    file.write(std::as_bytes(std::span(segments)));
    file.write(notes);
}

// Appends [start, end) of physical memory, which is inside of one range, cut where the direct map ends.
void append_parts(std::vector<MemoryPart>& parts, uint64_t start, uint64_t end, const DirectMap& direct) {
    uint64_t cut = start;
    for (const auto& mapped : direct.mapped)
        if (start >= mapped.start && start < mapped.end)
            cut = std::min(end, mapped.end);
    if (cut > start)
        parts.push_back({start, cut - start, direct.address + start});
    if (cut < end)
        parts.push_back({cut, end - cut, 0});
}

// Whether the file can be one of 32 bits: all addresses, and places in the file, fit.
bool fits_32_bits(std::span<const MemoryPart> parts, size_t notes) {
    uint64_t bytes = notes + sizeof(Elf32_Ehdr) + (parts.size() + 1) * sizeof(Elf32_Phdr);
    for (const MemoryPart& part : parts)
        bytes += part.size;
    return bytes < four_gib && (parts.empty() || parts.back().physical + parts.back().size <= four_gib);
}

}  // namespace

void write_raw(OutputFile& file, const trace::Moment& moment) {
    const auto ranges = mapped_ranges(moment);
    uint64_t end = 0;
    for (const trace::MappedRange& range : ranges)
        if (range.kind == trace::RangeKind::ram)
            end = std::max(end, range.address + range.size);
    uint64_t position = 0;
    for (const trace::MappedRange& range : ranges) {
        if (range.address >= end)
            break;
        file.write_zeros(range.address - position);
        write_memory(file, moment, range.address, range.size);
        position = range.address + range.size;
    }
}

void write_lime(OutputFile& file, const trace::Moment& moment) {
    constexpr uint32_t magic = 0x4c694d45;  // "EMiL"
    constexpr uint32_t version = 1;
    const auto ranges = mapped_ranges(moment);
    for (size_t first = 0; first < ranges.size();) {
        const uint64_t start = ranges[first].address;
        uint64_t end = start;
        size_t last = first;  // the range behind those that follow one another
        for (; last < ranges.size() && ranges[last].kind == trace::RangeKind::ram &&
               ranges[last].address == end;
             ++last)
            end += ranges[last].size;
        if (end > start) {
            ByteWriter header;
            header.put(magic);
            header.put(version);
            header.put(start);
            header.put(end - 1);
            header.put(uint64_t{0});
            file.write(header.bytes());
            write_memory(file, moment, start, end - start);
        }
        first = std::max(last, first + 1);
    }
}

std::vector<MemoryPart> memory_parts(std::span<const trace::PhysicalMemory::Range> ranges,
                                     const KernelImage& image, const DirectMap& direct) {
    std::vector<MemoryPart> parts;
    for (const auto& range : ranges) {
        const uint64_t image_start = std::clamp(image.physical, range.start, range.end);
        const uint64_t image_end = std::clamp(image.physical + image.size, image_start, range.end);
        if (image_start == image_end) {
            append_parts(parts, range.start, range.end, direct);
            continue;
        }
        append_parts(parts, range.start, image_start, direct);
        parts.push_back({image_start, image_end - image_start, image.address + image_start - image.physical});
        append_parts(parts, image_end, range.end, direct);
    }
    return parts;
}

bool write_elf(OutputFile& file, const trace::Moment& moment, const std::string& architecture) {
    const auto ranges = moment.memory().ranges();
    if (ranges.size() > PN_XNUM - 5)
        throw Error("the guest's memory is in more pieces than an ELF file can have");
    const trace::CpuState& cpu = moment.cpu();
    const auto vmcoreinfo = find_vmcoreinfo(moment.memory(), cpu);
    const auto known = [&](auto find) {
        const auto found = vmcoreinfo ? find(moment.memory(), cpu, *vmcoreinfo) : std::nullopt;
        return found.value_or(typename decltype(found)::value_type());
    };
    const auto parts = memory_parts(ranges, known(find_kernel_image), known(find_direct_map));
    const bool wide = cpu.long_mode() || (!cpu.paging() && architecture != "i386");
    const Bytes notes = make_notes(cpu, wide ? prstatus64(cpu) : prstatus32(cpu), vmcoreinfo);
    const uint16_t machine = wide ? EM_X86_64 : EM_386;
    if (!wide && fits_32_bits(parts, notes.size()))
        write_headers<Elf32>(file, machine, notes, parts);
    else
        write_headers<Elf64>(file, machine, notes, parts);
    for (const MemoryPart& part : parts)
        write_memory(file, moment, part.physical, part.size);
    return vmcoreinfo.has_value();
}

}  // namespace panda::analyze_memdump
