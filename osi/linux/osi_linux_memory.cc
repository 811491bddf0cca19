// OsiLinux: what is mapped where, in processes and in the kernel.
#include <algorithm>

#include "osi/linux/list.h"
#include "osi/linux/osi_linux.h"
#include "osi/linux/paths.h"
#include "osi/linux/vmas.h"

namespace panda::osi::linux_guest {
namespace {

using kernelinfo::KernelInfo;

// include/linux/mm.h
constexpr uint64_t vm_read = 1;
constexpr uint64_t vm_write = 2;
constexpr uint64_t vm_exec = 4;
constexpr uint64_t vm_mayshare = 0x80;

constexpr uint64_t page_bytes = 4096;
constexpr size_t max_anonymous_name = 80;    // ANON_VMA_NAME_MAX_LEN
constexpr int64_t max_module_pieces = 4096;  // bytes of their descriptions; in 6.12 there are 7, of 72 bytes

std::string permissions_of(uint64_t flags) {
    return {(flags & vm_read) != 0 ? 'r' : '-', (flags & vm_write) != 0 ? 'w' : '-',
            (flags & vm_exec) != 0 ? 'x' : '-', (flags & vm_mayshare) != 0 ? 's' : 'p'};
}

}  // namespace

List<Mapping> OsiLinux::mappings(const Point& point, const ProcessHandle& handle) const {
    const KernelMemory memory = kernel_memory(point);
    List<Mapping> list;
    const auto mm = memory.pointer(at(handle.task, info_.need(&KernelInfo::task_mm_offset)));
    if (mm == uint64_t{0})
        return list;
    if (mm && memory.is_kernel_address(*mm))
        list.warning = walk_vmas(memory, info_, *mm, [&](uint64_t area) {
            list.entries.push_back(read_mapping(memory, *mm, area));
        });
    else
        list.warning = "the task cannot be read";
    if (!list.warning.empty())
        list.warning = "the list of mappings is incomplete: " + list.warning;
    return list;
}

Mapping OsiLinux::read_mapping(const KernelMemory& memory, uint64_t mm, uint64_t area) const {
    const auto value = [&](kernelinfo::Offset KernelInfo::* member) {
        return memory.pointer(at(area, info_.need(member))).value_or(0);
    };
    Mapping mapping;
    mapping.descriptor = area;
    mapping.start = value(&KernelInfo::vma_vm_start_offset);
    mapping.end = value(&KernelInfo::vma_vm_end_offset);
    mapping.permissions = permissions_of(value(&KernelInfo::vma_vm_flags_offset));
    const uint64_t file = value(&KernelInfo::vma_vm_file_offset);
    mapping.has_file = file != 0;
    if (!mapping.has_file) {
        mapping.name = area_name(memory, mm, mapping);
        return mapping;
    }
    if (info_.panda_vma_vm_pgoff_offset)
        mapping.offset = value(&KernelInfo::panda_vma_vm_pgoff_offset) * page_bytes;
    mapping.name = Paths(memory, info_).of_file(file);
    return mapping;
}

// Does what show_map_vma() of fs/proc/task_mmu.c does.
std::string OsiLinux::area_name(const KernelMemory& memory, uint64_t mm, const Mapping& mapping) const {
    const auto field = [&](uint64_t base, const kernelinfo::Offset& offset) {
        return offset ? memory.pointer(at(base, *offset)) : std::nullopt;
    };
    if (info_.panda_special_mapping_vmops_addr && info_.panda_special_mapping_name_offset &&
        field(mapping.descriptor, info_.panda_vma_vm_ops_offset) ==
            memory.wrap(moved(*info_.panda_special_mapping_vmops_addr))) {
        const auto special = field(mapping.descriptor, info_.panda_vma_vm_private_data_offset);
        const auto name = special ? field(*special, info_.panda_special_mapping_name_offset) : std::nullopt;
        if (name && memory.is_kernel_address(*name))
            return memory.string(*name, 64).value_or("");
    }
    const auto start_brk = field(mm, info_.mm_start_brk_offset);
    const auto brk = field(mm, info_.mm_brk_offset);
    if (start_brk && brk && mapping.start <= *brk && mapping.end >= *start_brk)
        return "[heap]";
    const auto stack = field(mm, info_.mm_start_stack_offset);
    if (stack && mapping.start <= *stack && mapping.end >= *stack)
        return "[stack]";
    const auto given = field(mapping.descriptor, info_.panda_vma_anon_name_offset);
    if (given && memory.is_kernel_address(*given) && info_.panda_anon_vma_name_name_offset)
        return "[anon:" +
               memory.string(at(*given, *info_.panda_anon_vma_name_name_offset), max_anonymous_name)
                   .value_or("") +
               "]";
    return {};
}

// Does what module_total_size() of kernel/module/internal.h does: adds up several pieces since 6.4, one
// before.
uint64_t OsiLinux::module_size(const KernelMemory& memory, uint64_t module) const {
    const int64_t first = info_.need(&KernelInfo::panda_module_size_offset);
    const int64_t pieces_bytes = info_.panda_module_mem_size.value_or(0);
    const int64_t piece_bytes = info_.panda_module_memory_size.value_or(0);
    uint64_t size = memory.u32(at(module, first)).value_or(0);
    for (int64_t piece = piece_bytes; piece > 0 && piece < std::min(pieces_bytes, max_module_pieces);
         piece += piece_bytes)
        size += memory.u32(at(module, first + piece)).value_or(0);
    return size;
}

List<Module> OsiLinux::modules(const Point& point) const {
    const KernelMemory memory = kernel_memory(point);
    const int64_t list_offset = info_.need(&KernelInfo::panda_module_list_offset);
    const int64_t name = info_.need(&KernelInfo::panda_module_name_offset);
    const int64_t base = info_.need(&KernelInfo::panda_module_base_offset);
    List<Module> list;
    list.warning = walk_list(memory, moved(info_.need(&KernelInfo::panda_modules_addr)), [&](uint64_t node) {
        Module module;
        module.descriptor = memory.wrap(node - static_cast<uint64_t>(list_offset));
        module.base = memory.pointer(at(module.descriptor, base)).value_or(0);
        module.size = module_size(memory, module.descriptor);
        module.name = memory.string(at(module.descriptor, name), 56).value_or("");
        list.entries.push_back(std::move(module));
        return true;
    });
    if (!list.warning.empty())
        list.warning = "the module list is incomplete: " + list.warning;
    return list;
}

}  // namespace panda::osi::linux_guest
