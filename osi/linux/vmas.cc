#include "osi/linux/vmas.h"

#include <unordered_set>

namespace panda::osi::linux_guest {
namespace {

using kernelinfo::KernelInfo;

constexpr size_t max_areas = size_t{1} << 20;  // sysctl vm.max_map_count is 65530 by default
constexpr unsigned max_height = 31;            // MAPLE_HEIGHT_MAX, include/linux/maple_tree.h

// lib/maple_tree.c. The root, if it is a node, has 2 in its low two bits (mte_mk_root(); xa_is_internal());
// nodes below it do not (mte_mk_node()). Bits 3 to 6 are a node's type, and nodes are aligned to 256 bytes. A
// slot's entry covers the range from the pivot before it (exclusive) to its own pivot (inclusive). The last
// slot in use has a pivot of 0, or the node's own maximum, or no pivot if all slots are in use.
class MapleTree {
  public:
    MapleTree(const KernelMemory& memory, const KernelInfo& info, const std::function<void(uint64_t)>& visit)
        : memory_(memory), info_(info), visit_(visit) {}

    std::string walk(uint64_t tree) {
        const auto root = memory_.pointer(at(tree, info_.need(&KernelInfo::panda_maple_ma_root_offset)));
        if (!root)
            return "the maple tree cannot be read";
        const uint64_t maximum = memory_.wrap(~uint64_t{0});
        if (*root != 0 && !is_internal(*root))
            return "the maple tree has a root that is not a node";
        return *root == 0 ? std::string() : walk_entry(*root, maximum, 0);
    }

  private:
    enum Type : unsigned { dense = 0, leaf_64 = 1, range_64 = 2, arange_64 = 3 };

    static bool is_internal(uint64_t entry) { return (entry & 3) == 2; }

    std::string walk_entry(uint64_t entry, uint64_t maximum, unsigned height) {
        const unsigned type = (entry >> 3) & 0xf;
        const uint64_t node = entry & ~uint64_t{0xff};
        if (!memory_.is_kernel_address(node) || type == dense || type > arange_64)
            return "the maple tree has an entry that is not a node";
        if (height > max_height || seen_.size() > max_areas || !seen_.insert(node).second)
            return "the maple tree runs in a circle";
        const bool wide = type != arange_64;
        const int64_t pivots = info_.need(wide ? &KernelInfo::panda_maple_range_pivot_offset
                                               : &KernelInfo::panda_maple_arange_pivot_offset);
        const int64_t slots = info_.need(wide ? &KernelInfo::panda_maple_range_slot_offset
                                              : &KernelInfo::panda_maple_arange_slot_offset);
        const int64_t pivot_count = (slots - pivots) / memory_.pointer_size();
        for (int64_t i = 0; i <= pivot_count && i < 256; ++i) {
            uint64_t pivot = maximum;
            if (i < pivot_count) {
                const auto value = memory_.pointer(at(node, pivots + i * memory_.pointer_size()));
                if (!value)
                    return "the maple tree cannot be read";
                if (*value != 0 || i == 0)
                    pivot = *value;
            }
            const auto slot = memory_.pointer(at(node, slots + i * memory_.pointer_size()));
            if (!slot)
                return "the maple tree cannot be read";
            if (type == leaf_64) {
                if (memory_.is_kernel_address(*slot) && !is_internal(*slot))
                    visit_(*slot);
            } else if (*slot != 0) {
                if (auto warning = walk_entry(*slot, pivot, height + 1); !warning.empty())
                    return warning;
            }
            if (pivot >= maximum)
                break;
        }
        return {};
    }

    const KernelMemory& memory_;
    const KernelInfo& info_;
    const std::function<void(uint64_t)>& visit_;
    std::unordered_set<uint64_t> seen_;
};

std::string walk_vma_list(const KernelMemory& memory, const KernelInfo& info, uint64_t mm,
                          const std::function<void(uint64_t)>& visit) {
    const int64_t next = info.need(&KernelInfo::vma_vm_next_offset);
    std::unordered_set<uint64_t> seen;
    auto area = memory.pointer(at(mm, info.need(&KernelInfo::mm_mmap_offset)));
    while (area && *area != 0) {
        if (!memory.is_kernel_address(*area))
            return "the list of memory areas leads out of the kernel";
        if (seen.size() > max_areas || !seen.insert(*area).second)
            return "the list of memory areas runs in a circle";
        visit(*area);
        area = memory.pointer(at(*area, next));
    }
    return area ? "" : "the list of memory areas cannot be read";
}

}  // namespace

std::string walk_vmas(const KernelMemory& memory, const KernelInfo& info, uint64_t mm,
                      const std::function<void(uint64_t)>& visit) {
    if (info.mm_mmap_offset)
        return walk_vma_list(memory, info, mm, visit);
    return MapleTree(memory, info, visit).walk(at(mm, info.need(&KernelInfo::panda_mm_mm_mt_offset)));
}

}  // namespace panda::osi::linux_guest
