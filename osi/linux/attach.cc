#include "osi/linux/attach.h"

#include <string_view>

#include "common/error.h"
#include "kernelinfo/generator.h"

namespace panda::osi::linux_guest {
namespace {

using kernelinfo::KernelInfo;

constexpr uint64_t page_bytes = 4096;
constexpr size_t max_banner = 512;

// Where the gate of an interrupt leads (Intel SDM volume 3, figures 6-2 and 6-8).
std::optional<uint64_t> gate_target(const KernelMemory& memory, const trace::CpuState& cpu, unsigned vector) {
    const uint64_t gate = cpu.idt.base + uint64_t{vector} * (memory.pointer_size() * 2);
    const auto low = memory.u64(gate);
    if (!low)
        return std::nullopt;
    const uint64_t target = (*low & 0xffff) | ((*low >> 48) << 16);
    if (memory.pointer_size() == 4)
        return target;
    const auto high = memory.u32(gate + 8);
    return high ? std::optional(target | uint64_t{*high} << 32) : std::nullopt;
}

// The slides that the registers suggest, likeliest first. A group without any of the addresses is of a kernel
// that does not move.
std::vector<uint64_t> possible_slides(const KernelMemory& memory, const trace::CpuState& cpu,
                                      const KernelInfo& info) {
    std::vector<uint64_t> slides;
    const auto consider = [&](const kernelinfo::Address& linked, std::optional<uint64_t> found) {
        if (linked && found && (*found - *linked) % page_bytes == 0)
            slides.push_back(memory.wrap(*found - *linked));
    };
    const KernelEntries entries = kernel_entries(memory, cpu);
    consider(info.panda_entry_syscall_64_addr, entries.syscall);
    consider(info.panda_entry_sysenter_32_addr, entries.sysenter);
    consider(info.panda_page_fault_addr, entries.page_fault);
    consider(info.panda_int80_addr, entries.int80);
    slides.push_back(0);
    return slides;
}

// Whether the idle task is where it must be, and so the kernel's data.
bool has_data(const KernelMemory& memory, const KernelInfo& info, uint64_t slide) {
    const auto comm = memory.string(
        at(info.need(&KernelInfo::task_init_addr) + slide, info.need(&KernelInfo::task_comm_offset)), 16);
    return comm && comm->rfind("swapper", 0) == 0;
}

bool is_this_kernel(const KernelMemory& memory, const KernelInfo& info, uint64_t slide) {
    // Page table isolation may leave text and constants, the banner among them, in the user half of a pair of
    // page tables (pti_clone_kernel_text() of arch/x86/mm/pti.c), but never data.
    if (!has_data(memory, info, slide))
        return false;
    if (!info.panda_linux_banner_addr)
        return true;
    std::string text(max_banner, '\0');
    if (!memory.space().read(memory.wrap(*info.panda_linux_banner_addr + slide),
                             std::as_writable_bytes(std::span(text))))
        return false;
    try {
        const auto banner = kernelinfo::parse_banner(text);
        return banner.release == info.release() && banner.version == info.version();
    } catch (const Error&) {
        return false;
    }
}

uint64_t kernel_root(const KernelMemory& memory, const KernelInfo& info, uint64_t slide) {
    if (!info.panda_init_mm_addr || !info.mm_pgd_offset)
        return memory.space().root();
    const auto table =
        memory.pointer(*info.panda_init_mm_addr + slide + static_cast<uint64_t>(*info.mm_pgd_offset));
    const auto physical = table ? memory.space().translate(*table) : std::nullopt;
    return physical.value_or(memory.space().root());
}

}  // namespace

std::vector<uint64_t> KernelEntries::all() const {
    std::vector<uint64_t> addresses;
    for (const auto& entry : {syscall, sysenter, page_fault, int80})
        if (entry)
            addresses.push_back(*entry);
    return addresses;
}

KernelEntries kernel_entries(const KernelMemory& memory, const trace::CpuState& cpu) {
    const auto unless_zero = [](std::optional<uint64_t> address) {
        return address == uint64_t{0} ? std::nullopt : address;
    };
    return {unless_zero(cpu.lstar), unless_zero(cpu.sysenter_eip), unless_zero(gate_target(memory, cpu, 14)),
            unless_zero(gate_target(memory, cpu, 0x80))};
}

std::vector<uint64_t> possible_roots(const trace::CpuState& cpu) {
    const uint64_t root = cpu.asid();
    const uint64_t kernel_half = root & ~page_bytes;
    return kernel_half == root ? std::vector{root} : std::vector{root, kernel_half};
}

std::optional<Attachment> try_attach(const Point& point, const KernelInfo& info) {
    const unsigned pointer_size = info.pointer_size();
    const Paging paging = paging_of(*point.cpu);
    if (paging == Paging::none || point.cpu->long_mode() != (pointer_size == 8))
        return std::nullopt;
    for (const uint64_t root : possible_roots(*point.cpu)) {
        const KernelMemory memory(AddressSpace(*point.memory, root, paging), pointer_size);
        for (const uint64_t slide : possible_slides(memory, *point.cpu, info))
            if (is_this_kernel(memory, info, slide))
                return Attachment{slide, kernel_root(memory, info, slide), paging};
    }
    return std::nullopt;
}

Attachment attach(const Point& point, const KernelInfo& info) {
    if (const auto attachment = try_attach(point, info))
        return *attachment;
    const std::string banner = find_banner(*point.memory);
    const std::string there =
        banner.empty() ? "no Linux banner is in guest memory" : "the guest's kernel is: " + banner;
    throw FileError(
        info.source, "group [" + info.group + "]",
        "key name: the kernel \"" + info.name + "\" is not in the guest at this moment; " + there);
}

std::string find_banner(const trace::PhysicalMemory& memory) {
    constexpr std::string_view start = "Linux version ";
    constexpr size_t piece_bytes = size_t{1} << 20;
    std::string piece(piece_bytes + max_banner, '\0');
    for (const auto& range : memory.ranges()) {
        for (uint64_t address = range.start; address < range.end; address += piece_bytes) {
            const size_t size = std::min<uint64_t>(piece.size(), range.end - address);
            if (!memory.read(address, std::as_writable_bytes(std::span(piece)).first(size)))
                continue;
            const std::string_view text(piece.data(), size);
            for (size_t at = text.find(start); at != std::string_view::npos; at = text.find(start, at + 1)) {
                try {
                    const auto banner = kernelinfo::parse_banner(text.substr(at, max_banner));
                    return banner.release + " " + banner.version;
                } catch (const Error&) {
                    continue;  // the format string of a banner, or a text that mentions one
                }
            }
        }
    }
    return {};
}

}  // namespace panda::osi::linux_guest
