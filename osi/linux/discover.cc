#include "osi/linux/discover.h"

#include <algorithm>
#include <optional>

#include "common/error.h"
#include "kernelinfo/loaded_kernel.h"
#include "osi/linux/attach.h"

namespace panda::osi::linux_guest {
namespace {

constexpr uint64_t page_bytes = 4096;
constexpr uint64_t piece_bytes = uint64_t{2} << 20;  // the kernel's image is mapped in pages of this size
// How far to look from the entry code back to the start of the text, and on to the end of the data.
// Distribution kernels have 10 to 20 MiB of text and end within 60 MiB.
constexpr uint64_t max_before = uint64_t{64} << 20;
constexpr uint64_t max_after = uint64_t{128} << 20;
// Parts of the image that were freed (the init sections, the ends of sections) are unmapped and leave holes.
constexpr uint64_t max_hole = uint64_t{16} << 20;

// Fills `out` from `address`, page by page, and leaves out what is not there. Returns false if nothing is.
bool read_piece(const AddressSpace& space, uint64_t address, std::span<std::byte> out) {
    bool any = false;
    for (uint64_t offset = 0; offset < out.size(); offset += page_bytes)
        any |= space.read(address + offset, out.subspan(offset, page_bytes));
    return any;
}

// What is mapped around `entry`.
kernelinfo::LoadedKernel read_image(const KernelMemory& memory, uint64_t entry) {
    const uint64_t middle = entry & ~(piece_bytes - 1);
    Bytes piece(piece_bytes);
    uint64_t start = middle;
    // Nothing is unmapped between the start of the text and the entry code.
    while (middle - start < max_before && start >= piece_bytes &&
           read_piece(memory.space(), start - piece_bytes, piece))
        start -= piece_bytes;
    kernelinfo::LoadedKernel kernel;
    kernel.address = start;
    kernel.pointer_size = memory.pointer_size();
    const uint64_t limit = memory.wrap(~uint64_t{0}) - piece_bytes;
    uint64_t used = 0;
    for (uint64_t at = start; at < limit && at - start < max_before + max_after; at += piece_bytes) {
        std::fill(piece.begin(), piece.end(), std::byte{0});
        if (read_piece(memory.space(), at, piece))
            used = at - start + piece_bytes;
        else if (at - start - used >= max_hole)
            break;
        kernel.content.insert(kernel.content.end(), piece.begin(), piece.end());
    }
    kernel.content.resize(used);
    return kernel;
}

// Calls use() with the image around each entry that the registers lead to, until it returns true.
template <typename Use>
bool try_images(const KernelMemory& memory, const trace::CpuState& cpu, const Use& use) {
    kernelinfo::LoadedKernel kernel;
    for (const uint64_t entry : kernel_entries(memory, cpu).all()) {
        const bool tried = entry - kernel.address < kernel.content.size();
        if (tried || !memory.is_kernel_address(entry) || !memory.space().translate(entry))
            continue;
        kernel = read_image(memory, entry);
        if (use(kernel))
            return true;
    }
    return false;
}

}  // namespace

std::vector<kernelinfo::KallsymsEntry> read_kallsyms(const KernelMemory& memory, const trace::CpuState& cpu) {
    std::vector<kernelinfo::KallsymsEntry> symbols;
    std::string reason = "the processor's registers do not lead to a kernel";
    const bool found = try_images(memory, cpu, [&](const kernelinfo::LoadedKernel& kernel) {
        try {
            symbols = kernelinfo::list_kallsyms(kernel.content, kernel.address, kernel.pointer_size);
            return true;
        } catch (const Error& error) {
            reason = error.what();
            return false;
        }
    });
    if (!found)
        throw Error(reason);
    return symbols;
}

kernelinfo::KernelInfo discover_kernel(const Point& point, const std::string& name) {
    const Paging paging = paging_of(*point.cpu);
    const unsigned pointer_size = point.cpu->long_mode() ? 8 : 4;
    std::string reason = "the processor's registers do not lead to a kernel";
    if (paging != Paging::none) {
        for (const uint64_t root : possible_roots(*point.cpu)) {
            const KernelMemory memory(AddressSpace(*point.memory, root, paging), pointer_size);
            std::optional<kernelinfo::KernelInfo> info;
            try_images(memory, *point.cpu, [&](kernelinfo::LoadedKernel& kernel) {
                kernel.name = name;
                try {
                    info = kernelinfo::make_kernel_info(kernel);
                } catch (const Error& error) {
                    reason = error.what();
                }
                return info.has_value();
            });
            if (info)
                return *info;
        }
    }
    const std::string prefix = name + ": ";
    if (reason.rfind(prefix, 0) == 0)
        reason.erase(0, prefix.size());
    const std::string banner = find_banner(*point.memory);
    throw FileError(name, "no kernel that describes itself runs at this moment: " + reason + "; " +
                              (banner.empty() ? "no Linux banner is in guest memory"
                                              : "the guest's kernel is: " + banner));
}

}  // namespace panda::osi::linux_guest
