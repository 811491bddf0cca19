#include "analyzers/memdump/kernel_image.h"

#include "analyzers/memdump/vmcoreinfo.h"
#include "osi/linux/attach.h"
#include "trace/memory/address_space.h"

namespace panda::analyze_memdump {
namespace {

constexpr uint64_t start_kernel_map = 0xffff'ffff'8000'0000;  // arch/x86/include/asm/page_64_types.h
constexpr uint64_t large_page = uint64_t{2} << 20;            // the image is mapped in these
constexpr uint64_t small_page = 4096;
constexpr uint64_t max_image = uint64_t{1} << 30;  // KERNEL_IMAGE_SIZE
constexpr uint64_t max_hole = uint64_t{16} << 20;  // freed parts are unmapped

// Where the direct map can begin. 64-bit kernels move it by multiples of 1 GiB (arch/x86/mm/kaslr.c); 32-bit
// ones split the address space at one of four places (VMSPLIT_…, arch/x86/Kconfig).
constexpr uint64_t direct_map_step = uint64_t{1} << 30;
constexpr uint64_t witness = uint64_t{1} << 20;  // memory that every machine has, and maps in its place
constexpr unsigned top_entries = 512;            // of a 64-bit page table; the kernel has the upper half

// The kernel's page table: swapper_pg_dir, at a physical address.
std::optional<trace::AddressSpace> kernel_space(const trace::PhysicalMemory& memory,
                                                const trace::CpuState& cpu, std::string_view vmcoreinfo) {
    const auto table = vmcoreinfo_number(vmcoreinfo, "SYMBOL(swapper_pg_dir)", 16);
    if (!table || !cpu.paging())
        return std::nullopt;
    auto place = image_place(vmcoreinfo, *table);
    for (const uint64_t root : osi::linux_guest::possible_roots(cpu))  // or as the processor sees it
        if (!place)
            place = trace::AddressSpace(memory, root, trace::paging_of(cpu)).translate(*table);
    return place ? std::optional(trace::AddressSpace(memory, *place, trace::paging_of(cpu))) : std::nullopt;
}

// What is mapped of each range, from its start on.
DirectMap direct_map_at(const trace::PhysicalMemory& memory, const trace::AddressSpace& space,
                        uint64_t base) {
    DirectMap map{base, {}};
    for (const auto& range : memory.ranges()) {
        uint64_t mapped = range.start / small_page;  // pages before this one are
        uint64_t end = range.end / small_page;       // pages from this one on are not
        while (mapped < end) {
            const uint64_t middle = mapped + (end - mapped) / 2;
            const uint64_t page = middle * small_page;
            if (space.translate(base + page) == page)
                mapped = middle + 1;
            else
                end = middle;
        }
        if (mapped * small_page > range.start)
            map.mapped.push_back({range.start, mapped * small_page});
    }
    return map;
}

}  // namespace

std::optional<uint64_t> image_place(std::string_view vmcoreinfo, uint64_t address) {
    const auto base = vmcoreinfo_number(vmcoreinfo, "NUMBER(phys_base)", 10);
    if (!base || address < start_kernel_map)
        return std::nullopt;
    return address - start_kernel_map + *base;
}

std::optional<KernelImage> find_kernel_image(const trace::PhysicalMemory& memory, const trace::CpuState& cpu,
                                             const std::string& vmcoreinfo) {
    const auto table = vmcoreinfo_number(vmcoreinfo, "SYMBOL(swapper_pg_dir)", 16);
    const auto text = vmcoreinfo_number(vmcoreinfo, "SYMBOL(_stext)", 16);
    if (!cpu.long_mode() || !table || !text || !image_place(vmcoreinfo, *text) ||
        !image_place(vmcoreinfo, *table))
        return std::nullopt;
    const auto space = kernel_space(memory, cpu, vmcoreinfo);
    if (!space)
        return std::nullopt;
    const uint64_t start = *text & ~(large_page - 1);
    uint64_t end = start;
    // Stops at the top of the address space: the image is below it.
    for (uint64_t at = start; at >= start && at - start < max_image && at - end <= max_hole; at += small_page)
        if (space->translate(at) == image_place(vmcoreinfo, at))
            end = at + small_page;
    if (end == start || *table < start || *table >= end)
        return std::nullopt;
    return KernelImage{start, *image_place(vmcoreinfo, start), end - start};
}

std::optional<DirectMap> find_direct_map(const trace::PhysicalMemory& memory, const trace::CpuState& cpu,
                                         const std::string& vmcoreinfo) {
    const auto space = kernel_space(memory, cpu, vmcoreinfo);
    if (!space)
        return std::nullopt;
    const auto starts_at = [&](uint64_t base) { return space->translate(base + witness) == witness; };
    if (!cpu.long_mode()) {
        for (uint64_t base = direct_map_step; base < uint64_t{1} << 32; base += direct_map_step)
            if (starts_at(base))
                return direct_map_at(memory, *space, base);
        return std::nullopt;
    }
    const unsigned shift = space->paging() == trace::Paging::five_level ? 48 : 39;
    for (uint64_t index = top_entries / 2; index < top_entries; ++index) {
        uint64_t entry = 0;
        if (!memory.read(space->root() + index * sizeof entry,
                         std::as_writable_bytes(std::span(&entry, 1))) ||
            (entry & 1) == 0)
            continue;
        const uint64_t first = (~uint64_t{0} << (shift + 9)) | index << shift;
        for (uint64_t offset = 0; offset < uint64_t{1} << shift; offset += direct_map_step)
            if (starts_at(first + offset))
                return direct_map_at(memory, *space, first + offset);
    }
    return std::nullopt;
}

}  // namespace panda::analyze_memdump
