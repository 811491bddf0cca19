#include "analyzers/memdump/vmcoreinfo.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "analyzers/memdump/kernel_image.h"
#include "osi/linux/attach.h"
#include "trace/types.h"

namespace panda::analyze_memdump {
namespace {

using osi::linux_guest::KernelMemory;

// How far the entry code can be behind the start of the text, with room to spare.
constexpr uint64_t max_text = uint64_t{256} << 20;
constexpr size_t uts_bytes = 512;  // struct uts_namespace begins with new_utsname, which has 6 texts of 65

std::string_view release_of(std::string_view text) {
    constexpr std::string_view key = "OSRELEASE=";
    text.remove_prefix(std::min(text.size(), key.size()));
    return text.substr(0, text.find('\n'));
}

// Whether the kernel that the page tables map has the release that the text names. A kernel that does not tell
// where its name is counts as one that has it.
bool has_release(const trace::AddressSpace& space, std::string_view text) {
    const auto names = vmcoreinfo_number(text, "SYMBOL(init_uts_ns)", 16);
    std::array<char, uts_bytes> content;
    if (!names || !space.read(*names, std::as_writable_bytes(std::span(content))))
        return !names;
    const std::string wanted = std::string(release_of(text)) + '\0';
    return std::string_view(content.data(), content.size()).find(wanted) != std::string_view::npos;
}

enum class Fit : uint8_t { no, unknown, yes };

// Whether the text is of the kernel that the processor's registers and page tables lead to.
Fit fit(const trace::PhysicalMemory& memory, const trace::CpuState& cpu, std::string_view text) {
    const auto start = vmcoreinfo_number(text, "SYMBOL(_stext)", 16);
    if (!start)
        return Fit::unknown;
    if (!cpu.paging())
        return Fit::no;  // no kernel runs, or one that is not there yet
    for (const uint64_t root : osi::linux_guest::possible_roots(cpu)) {
        const trace::AddressSpace space(memory, root, trace::paging_of(cpu));
        const auto place = space.translate(*start);
        const auto expected = image_place(text, *start);
        if (!place || (expected && place != expected) || !has_release(space, text))
            continue;
        for (const uint64_t entry : kernel_entries(KernelMemory(space, cpu.long_mode() ? 8 : 4), cpu).all())
            if (entry >= *start && entry - *start < max_text)
                return Fit::yes;
    }
    return Fit::no;
}

}  // namespace

std::optional<uint64_t> vmcoreinfo_number(std::string_view text, std::string_view key, int base) {
    const std::string line = "\n" + std::string(key) + "=";
    const size_t found = text.find(line);
    if (found == std::string_view::npos)
        return std::nullopt;
    std::string_view value = text.substr(found + line.size());
    const bool negative = !value.empty() && value.front() == '-';
    if (negative)
        value.remove_prefix(1);
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number, base);
    if (error != std::errc() || end == value.data())
        return std::nullopt;
    return negative ? uint64_t{0} - number : number;
}

std::optional<std::string> find_vmcoreinfo(const trace::PhysicalMemory& memory, const trace::CpuState& cpu) {
    constexpr std::string_view begin = "OSRELEASE=";
    constexpr std::string_view witness = "\nPAGESIZE=";  // so that text in a shell script is not taken for it
    std::array<char, trace::page_size> page;
    const auto bytes = std::as_writable_bytes(std::span(page));
    std::optional<std::string> possible;
    for (const auto& range : memory.ranges()) {
        const uint64_t first = (range.start + trace::page_size - 1) / trace::page_size * trace::page_size;
        for (uint64_t address = first; address + trace::page_size <= range.end; address += trace::page_size) {
            if (!memory.read(address, bytes.first(begin.size())) ||
                std::string_view(page.data(), begin.size()) != begin || !memory.read(address, bytes))
                continue;
            const std::string_view text(page.data(),
                                        std::find(page.begin(), page.end(), '\0') - page.begin());
            if (text.find(witness) == std::string_view::npos)
                continue;
            const Fit found = fit(memory, cpu, text);
            if (found == Fit::yes)
                return std::string(text);
            if (found == Fit::unknown && !possible)
                possible = std::string(text);
        }
    }
    return possible;
}

}  // namespace panda::analyze_memdump
