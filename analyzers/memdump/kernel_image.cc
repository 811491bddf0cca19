#include "analyzers/memdump/kernel_image.h"

#include <charconv>
#include <string_view>

#include "trace/memory/address_space.h"

namespace panda::analyze_memdump {
namespace {

constexpr uint64_t start_kernel_map = 0xffff'ffff'8000'0000;  // arch/x86/include/asm/page_64_types.h
constexpr uint64_t large_page = uint64_t{2} << 20;            // the image is mapped in these
constexpr uint64_t small_page = 4096;
constexpr uint64_t max_image = uint64_t{1} << 30;  // KERNEL_IMAGE_SIZE
constexpr uint64_t max_hole = uint64_t{16} << 20;  // freed parts are unmapped

// The number after "KEY=" at the start of a line.
template <typename Number>
std::optional<Number> number_of(std::string_view text, std::string_view key, int base) {
    const std::string line = "\n" + std::string(key) + "=";
    const size_t found = text.find(line);
    if (found == std::string_view::npos)
        return std::nullopt;
    const std::string_view value = text.substr(found + line.size());
    Number number{};
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number, base);
    if (error != std::errc() || end == value.data())
        return std::nullopt;
    return number;
}

}  // namespace

std::optional<KernelImage> find_kernel_image(const trace::PhysicalMemory& memory, const trace::CpuState& cpu,
                                             const std::string& vmcoreinfo) {
    const auto base = number_of<int64_t>(vmcoreinfo, "NUMBER(phys_base)", 10);
    const auto table = number_of<uint64_t>(vmcoreinfo, "SYMBOL(swapper_pg_dir)", 16);
    const auto text = number_of<uint64_t>(vmcoreinfo, "SYMBOL(_stext)", 16);
    if (!cpu.long_mode() || !base || !table || !text || *text < start_kernel_map || *table < start_kernel_map)
        return std::nullopt;
    const auto physical = [&](uint64_t address) {
        return address - start_kernel_map + static_cast<uint64_t>(*base);
    };
    const trace::AddressSpace space(memory, physical(*table), trace::paging_of(cpu));
    const uint64_t start = *text & ~(large_page - 1);
    uint64_t end = start;
    // Stops at the top of the address space: the image is below it.
    for (uint64_t at = start; at >= start && at - start < max_image && at - end <= max_hole; at += small_page)
        if (space.translate(at) == physical(at))
            end = at + small_page;
    if (end == start || *table < start || *table >= end)
        return std::nullopt;
    return KernelImage{start, physical(start), end - start};
}

}  // namespace panda::analyze_memdump
