// File names out of the kernel's dentries and mounts, as /proc shows them.
#pragma once

#include <cstdint>
#include <string>

#include "kernelinfo/kernel_info.h"
#include "osi/linux/kernel_memory.h"

namespace panda::osi::linux_guest {

class Paths {
  public:
    // Both must outlive this. Needs the group's path and qstr keys when used.
    Paths(const KernelMemory& memory, const kernelinfo::KernelInfo& info) : memory_(memory), info_(info) {}

    // The path of a struct file (its address), from the root of its mount namespace; pipes, sockets and
    // anonymous inodes by the names that /proc/PID/fd gives them; " (deleted)" after names that are gone.
    // Empty when unreadable.
    std::string of_file(uint64_t file) const;
    // The same for a dentry and a vfsmount.
    std::string of(uint64_t dentry, uint64_t mount) const;

  private:
    std::string dentry_name(uint64_t dentry) const;
    // Names of what is in no directory (those with d_dname, unless mounted somewhere); empty for all others.
    std::string pseudo_name(uint64_t dentry) const;
    std::string namespace_kind(uint64_t inode) const;  // "mnt", "net" …; "?" when unreadable
    bool is_deleted(uint64_t dentry) const;
    std::string file_system(uint64_t dentry) const;
    // Place of struct mount's vfsmount in it.
    uint64_t vfsmount_offset() const;

    const KernelMemory& memory_;
    const kernelinfo::KernelInfo& info_;
};

}  // namespace panda::osi::linux_guest
