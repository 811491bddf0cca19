#include "analyzers/memdump/dump.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "analyzers/memdump/kernel_image.h"
#include "analyzers/memdump/notes.h"
#include "common/error.h"

namespace panda::analyze_memdump {
namespace {

constexpr uint64_t piece_size = uint64_t{1} << 20;

// Writes physical memory [address, address + size), which must be there.
void write_memory(OutputFile& file, const trace::Moment& moment, uint64_t address, uint64_t size) {
    Bytes piece(std::min(size, piece_size));
    while (size != 0) {
        const auto part = std::span(piece).first(std::min<uint64_t>(size, piece.size()));
        if (!moment.memory().read(address, part))
            throw Error("guest memory cannot be read at physical address " + std::to_string(address));
        file.write(part);
        address += part.size();
        size -= part.size();
    }
}

void write_zeros(OutputFile& file, uint64_t size) {
    const Bytes zeros(std::min(size, piece_size));
    for (; size != 0; size -= std::min<uint64_t>(size, zeros.size()))
        file.write(std::span(zeros).first(std::min<uint64_t>(size, zeros.size())));
}

// The two sizes of ELF, for which there is one code.
struct Elf64 {
    using Header = Elf64_Ehdr;
    using Segment = Elf64_Phdr;
    static constexpr unsigned char elf_class = ELFCLASS64;
    static constexpr uint16_t machine = EM_X86_64;
    static Bytes prstatus(const trace::CpuState& cpu) { return prstatus64(cpu); }
};
struct Elf32 {
    using Header = Elf32_Ehdr;
    using Segment = Elf32_Phdr;
    static constexpr unsigned char elf_class = ELFCLASS32;
    static constexpr uint16_t machine = EM_386;
    static Bytes prstatus(const trace::CpuState& cpu) { return prstatus32(cpu); }
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

bool holds(const trace::PhysicalMemory::Range& range, const KernelImage& image) {
    return image.physical >= range.start && image.physical < range.end;
}

// image: is in one of the ranges, or has no bytes.
template <typename Elf>
void write_headers(OutputFile& file, const Bytes& notes, std::span<const trace::PhysicalMemory::Range> ranges,
                   const KernelImage& image) {
    typename Elf::Header header{};
    std::copy_n(ELFMAG, SELFMAG, header.e_ident);
    header.e_ident[EI_CLASS] = Elf::elf_class;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_ident[EI_VERSION] = EV_CURRENT;
    header.e_type = ET_CORE;
    header.e_machine = Elf::machine;
    header.e_version = EV_CURRENT;
    header.e_phoff = sizeof(header);
    header.e_ehsize = sizeof(header);
    header.e_phentsize = sizeof(typename Elf::Segment);

    std::vector<typename Elf::Segment> segments(1 + ranges.size());
    if (image.size != 0)
        segments.emplace_back();
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
    for (size_t i = 0; i < ranges.size(); ++i) {
        auto& segment = segments[i + 1];
        segment.p_type = PT_LOAD;
        segment.p_paddr = static_cast<decltype(segment.p_paddr)>(ranges[i].start);
        place(segment, ranges[i].end - ranges[i].start);
        if (image.size != 0 && holds(ranges[i], image)) {
            auto& kernel = segments.back();
            kernel = segment;
            const uint64_t before = image.physical - ranges[i].start;
            kernel.p_vaddr = static_cast<decltype(kernel.p_vaddr)>(image.address);
            kernel.p_paddr = static_cast<decltype(kernel.p_paddr)>(image.physical);
            kernel.p_offset += static_cast<decltype(kernel.p_offset)>(before);
            kernel.p_filesz = kernel.p_memsz =
                static_cast<decltype(kernel.p_filesz)>(std::min(image.size, ranges[i].end - image.physical));
        }
    }
    file.write(std::as_bytes(std::span(&header, 1)));
    file.write(std::as_bytes(std::span(segments)));
    file.write(notes);
}

}  // namespace

void write_raw(OutputFile& file, const trace::Moment& moment) {
    if (moment.memory().maps().empty())
        throw Error("the guest has no memory at this moment");
    const auto& ranges = moment.memory().maps()[0].ranges;
    uint64_t end = 0;
    for (const trace::MappedRange& range : ranges)
        if (range.kind == trace::RangeKind::ram)
            end = std::max(end, range.address + range.size);
    uint64_t position = 0;
    for (const trace::MappedRange& range : ranges) {
        if (range.address >= end)
            break;
        write_zeros(file, range.address - position);
        write_memory(file, moment, range.address, range.size);
        position = range.address + range.size;
    }
}

bool write_elf(OutputFile& file, const trace::Moment& moment, const std::string& architecture) {
    const auto ranges = moment.memory().ranges();
    if (ranges.size() > PN_XNUM - 3)
        throw Error("the guest's memory is in more pieces than an ELF file can have");
    const auto vmcoreinfo = find_vmcoreinfo(moment);
    KernelImage image;
    if (const auto found =
            vmcoreinfo ? find_kernel_image(moment.memory(), moment.cpu(), *vmcoreinfo) : std::nullopt)
        for (const auto& range : ranges)
            if (holds(range, *found))
                image = *found;
    if (architecture == "i386")
        write_headers<Elf32>(file, make_notes(moment.cpu(), Elf32::prstatus(moment.cpu()), vmcoreinfo),
                             ranges, KernelImage());
    else
        write_headers<Elf64>(file, make_notes(moment.cpu(), Elf64::prstatus(moment.cpu()), vmcoreinfo),
                             ranges, image);
    for (const auto& range : ranges)
        write_memory(file, moment, range.start, range.end - range.start);
    return vmcoreinfo.has_value();
}

std::optional<std::string> find_vmcoreinfo(const trace::Moment& moment) {
    constexpr std::string_view begin = "OSRELEASE=";
    constexpr std::string_view witness = "\nPAGESIZE=";  // so that text in a shell script is not taken for it
    std::array<char, trace::page_size> page;
    const auto bytes = std::as_writable_bytes(std::span(page));
    for (const auto& range : moment.memory().ranges()) {
        const uint64_t first = (range.start + trace::page_size - 1) / trace::page_size * trace::page_size;
        for (uint64_t address = first; address + trace::page_size <= range.end; address += trace::page_size) {
            if (!moment.memory().read(address, bytes.first(begin.size())) ||
                std::string_view(page.data(), begin.size()) != begin || !moment.memory().read(address, bytes))
                continue;
            const std::string_view text(page.data(),
                                        std::find(page.begin(), page.end(), '\0') - page.begin());
            if (text.find(witness) != std::string_view::npos)
                return std::string(text);
        }
    }
    return std::nullopt;
}

}  // namespace panda::analyze_memdump
