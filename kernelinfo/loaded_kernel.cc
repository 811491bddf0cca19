#include "kernelinfo/loaded_kernel.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string_view>

#include "common/error.h"
#include "kernelinfo/btf.h"
#include "kernelinfo/generator.h"
#include "kernelinfo/kallsyms.h"

namespace panda::kernelinfo {
namespace {

// __START_KERNEL, arch/x86/include/asm/page_64_types.h and page_32_types.h.
constexpr uint64_t linked_text_64 = 0xffffffff81000000;
constexpr uint64_t linked_text_32 = 0xc1000000;
constexpr size_t max_banner = 512;

// struct btf_header of include/uapi/linux/btf.h.
struct BtfHeader {
    std::array<uint8_t, 4> begin;  // magic, version, flags
    uint32_t header_size;
    uint32_t type_offset, type_size;  // after the header
    uint32_t string_offset, string_size;
};
constexpr std::array<uint8_t, 4> btf_begin = {0x9f, 0xeb, 1, 0};

// The bytes of the BTF at `at`; nothing if its header shows that there is none.
std::optional<std::span<const std::byte>> btf_at(std::span<const std::byte> content, size_t at) {
    BtfHeader header;
    if (content.size() - at < sizeof header)
        return std::nullopt;
    std::memcpy(&header, content.data() + at, sizeof header);
    const uint64_t end =
        uint64_t{header.header_size} + std::max(uint64_t{header.type_offset} + header.type_size,
                                                uint64_t{header.string_offset} + header.string_size);
    if (header.header_size < sizeof header || header.type_size == 0 || end > content.size() - at)
        return std::nullopt;
    return content.subspan(at, end);
}

// The kernel's own BTF is the one that knows task_struct.
BtfTypes find_btf(std::span<const std::byte> content) {
    const std::string_view text(reinterpret_cast<const char*>(content.data()), content.size());
    const std::string_view begin(reinterpret_cast<const char*>(btf_begin.data()), btf_begin.size());
    std::string reason = "no BTF";
    for (size_t at = text.find(begin); at != std::string_view::npos; at = text.find(begin, at + 1)) {
        const auto section = btf_at(content, at);
        if (!section)
            continue;
        try {
            BtfTypes types(*section);
            if (types.struct_size("task_struct"))
                return types;
        } catch (const Error& error) {
            reason = error.what();
        }
    }
    throw Error(
        reason +
        " in the kernel's memory (panda-kernelinfo makes a group from the kernel's debugging information)");
}

// The kernel's banner, from linux_banner, which is a symbol at its address in memory.
Banner banner_of(const LoadedKernel& kernel, const SymbolTable& symbols) {
    const auto address = symbols.find("linux_banner");
    if (!address || *address < kernel.address || *address - kernel.address >= kernel.content.size())
        throw Error("symbol linux_banner is missing");
    const size_t offset = *address - kernel.address;
    return parse_banner(std::string_view(reinterpret_cast<const char*>(kernel.content.data()) + offset,
                                         std::min(max_banner, kernel.content.size() - offset)));
}

}  // namespace

KernelInfo make_kernel_info(const LoadedKernel& kernel) {
    try {
        const BtfTypes types = find_btf(kernel.content);
        SymbolTable symbols = find_kallsyms(kernel.content, kernel.address, kernel.pointer_size);
        const auto text = symbols.find("_text");
        if (!text)
            throw Error("symbol _text is missing");
        const Banner banner = banner_of(kernel, symbols);
        const uint64_t linked = kernel.pointer_size == 8 ? linked_text_64 : linked_text_32;
        // Per-CPU variables, which are linked at 0 until 6.14, do not move.
        symbols.move(kernel.address, linked - *text);
        return make_kernel_info(types, symbols, banner, kernel.pointer_size);
    } catch (const FileError&) {
        throw;
    } catch (const Error& error) {
        throw FileError(kernel.name, error.what());
    }
}

}  // namespace panda::kernelinfo
