// A process of a guest made by hand: its memory areas, on a list or in a maple tree, and its files.
#pragma once

#include <string>

#include "osi/linux/osi_linux.h"
#include "osi/linux/paths.h"
#include "osi_fake_guest.h"

namespace panda::osi::test {

constexpr uint64_t base = FakeGuest::direct_base;

// Where things are, physically.
constexpr uint64_t areas = 0x90000;     // vm_area_structs, 0x40 apart
constexpr uint64_t nodes = 0x91000;     // of the maple tree, 0x100 apart
constexpr uint64_t dentries = 0x92000;  // 0x80 apart
constexpr uint64_t mounts = 0x93000;    // 0x40 apart
constexpr uint64_t files = 0x94000;     // 0x20 apart
constexpr uint64_t names = 0x95000;     // 0x40 apart
constexpr uint64_t others = 0x96000;
constexpr uint64_t tables = 0x96800;  // of open files: files_struct, fdtable at 0x40, its array at 0x80

struct MemoryGuest : FakeGuest {
    unsigned process;
    uint64_t mm;

    MemoryGuest() : FakeGuest(0) {
        process = add_process(7, 0, "cat", true);
        mm = spaces + process * 0x40;  // pgd 0, mmap 8, mm_mt 16, start_brk 24, brk 32, start_stack 40
        info.mm_start_brk_offset = 24;
        info.mm_brk_offset = 32;
        info.mm_start_stack_offset = 40;
        info.vma_vm_start_offset = 0;
        info.vma_vm_end_offset = 8;
        info.vma_vm_flags_offset = 16;
        info.vma_vm_file_offset = 24;
        info.vma_vm_next_offset = 32;
        info.panda_vma_vm_pgoff_offset = 40;
        info.fs_f_path_mnt_offset = 0;
        info.fs_f_path_dentry_offset = 8;
        info.path_d_parent_offset = 0;
        info.path_d_name_offset = 8;
        info.qstr_name_offset = 8;
        info.path_d_op_offset = 32;
        info.path_d_dname_offset = 0x10;
        info.panda_dentry_d_hash_pprev_offset = 40;
        info.panda_dentry_d_inode_offset = 48;
        info.panda_dentry_d_sb_offset = 56;
        info.panda_inode_i_ino_offset = 8;
        info.panda_super_s_type_offset = 8;
        info.panda_fstype_name_offset = 0;
        info.path_mnt_root_offset = 0;
        info.path_mnt_parent_offset = -16;
        info.path_mnt_mountpoint_offset = -8;
        // /, /mnt, and on it another file system with dir/file.
        add_dentry(0, 0, "/");
        add_dentry(1, 0, "mnt");
        add_dentry(2, 2, "/");
        add_dentry(3, 2, "dir");
        add_dentry(4, 3, "file");
        add_mount(0, 0, 0, 0);
        add_mount(1, 2, 0, 1);
        add_file(0, 1, 4);
    }
    void add_dentry(unsigned index, unsigned parent, const std::string& name) {
        const uint64_t dentry = dentries + index * 0x80;
        memory.put(dentry, base + dentries + parent * 0x80);
        memory.put(dentry + 16, base + names + index * 0x40);
        memory.put_text(names + index * 0x40, name);
        memory.put(dentry + 40, base + others);  // hashed
    }
    // The vfsmount is 32 bytes into its struct mount, as in 64-bit kernels.
    uint64_t vfsmount(unsigned index) const { return base + mounts + index * 0x40 + 32; }
    void add_mount(unsigned index, unsigned root, unsigned parent, unsigned point) {
        const uint64_t mount = mounts + index * 0x40;
        memory.put(mount + 16, base + mounts + parent * 0x40);
        memory.put(mount + 24, base + dentries + point * 0x80);
        memory.put(mount + 32, base + dentries + root * 0x80);
    }
    void add_file(unsigned index, unsigned mount, unsigned dentry) {
        memory.put(files + index * 0x20, vfsmount(mount));
        memory.put(files + index * 0x20 + 8, base + dentries + dentry * 0x80);
    }
    // Opens file `index` as number `fd`, below 32.
    void open_file(unsigned fd, unsigned index, uint64_t position) {
        memory.put(init_task + process * 0x200 + 96, base + tables);
        memory.put(tables, base + tables + 0x40);
        memory.put<uint32_t>(tables + 0x40, 32);
        memory.put(tables + 0x48, base + tables + 0x80);
        memory.put(tables + 0x80 + fd * 8, base + files + index * 0x20);
        memory.put(files + index * 0x20 + 16, position);
        info.task_files_offset = 96;
        info.fs_fdt_offset = 0;
        info.fs_fd_offset = 8;
        info.fs_f_pos_offset = 16;
    }
    ProcessHandle handle() const { return {task_address(process), 0}; }
    uint64_t add_area(unsigned index, uint64_t start, uint64_t end, uint64_t flags, bool has_file) {
        const uint64_t area = areas + index * 0x40;
        memory.put(area, start);
        memory.put(area + 8, end);
        memory.put(area + 16, flags);
        memory.put(area + 24, has_file ? base + files : uint64_t{0});
        memory.put<uint64_t>(area + 40, has_file ? 3 : 0);
        return base + area;
    }
    std::string path(unsigned file) const {
        const linux_guest::KernelMemory kernel(AddressSpace(memory, top_table, Paging::four_level), 8);
        return linux_guest::Paths(kernel, info).of_file(base + files + file * 0x20);
    }
    List<Mapping> mappings() const {
        const linux_guest::OsiLinux provider(info, point());
        return provider.mappings(point(), {task_address(process), 0});
    }
};

// Three areas; on a list.
inline void make_list(MemoryGuest& guest) {
    guest.info.mm_mmap_offset = 8;
    const uint64_t first = guest.add_area(0, 0x400000, 0x401000, 0x75, true);
    const uint64_t second = guest.add_area(1, 0x500000, 0x600000, 0x73, false);
    const uint64_t third = guest.add_area(2, 0x7ff000, 0x800000, 0x80, false);
    guest.memory.put(guest.mm + 8, first);
    guest.memory.put(areas + 32, second);
    guest.memory.put(areas + 0x40 + 32, third);
    guest.memory.put<uint64_t>(guest.mm + 24, 0x500000);
    guest.memory.put<uint64_t>(guest.mm + 32, 0x520000);
}

// The same in a maple tree: an arange_64 node above two leaves.
inline void make_tree(MemoryGuest& guest) {
    make_list(guest);
    guest.info.mm_mmap_offset.reset();
    guest.info.panda_mm_mm_mt_offset = 16;
    guest.info.panda_maple_ma_root_offset = 0;
    guest.info.panda_maple_range_pivot_offset = 8;
    guest.info.panda_maple_range_slot_offset = 128;
    guest.info.panda_maple_arange_pivot_offset = 8;
    guest.info.panda_maple_arange_slot_offset = 80;
    const auto node = [](unsigned index, unsigned type) {
        // mte_mk_node(); the root is also marked as root, mte_mk_root().
        return base + nodes + index * 0x100 + (type << 3 | 4 | (index == 0 ? 2 : 0));
    };
    guest.memory.put(guest.mm + 16, node(0, 3));
    guest.memory.put<uint64_t>(nodes + 8, 0x5fffff);
    guest.memory.put(nodes + 80, node(1, 1));
    guest.memory.put(nodes + 88, node(2, 1));
    const uint64_t left = nodes + 0x100;
    guest.memory.put<uint64_t>(left + 8, 0x3fffff);  // nothing up to the first area
    guest.memory.put<uint64_t>(left + 16, 0x400fff);
    guest.memory.put<uint64_t>(left + 24, 0x4fffff);
    guest.memory.put<uint64_t>(left + 32, 0x5fffff);
    guest.memory.put(left + 136, base + areas);
    guest.memory.put(left + 152, base + areas + 0x40);
    guest.memory.put(left + 160, base + areas + 0x80);  // beyond the node's maximum: old, not in use
    const uint64_t right = nodes + 0x200;
    guest.memory.put<uint64_t>(right + 8, 0x7fefff);
    guest.memory.put<uint64_t>(right + 16, 0x7fffff);
    guest.memory.put(right + 136, base + areas + 0x80);
}

}  // namespace panda::osi::test
