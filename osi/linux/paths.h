// Makes file names from the kernel's dentries and mounts, as /proc shows them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "kernelinfo/kernel_info.h"
#include "osi/linux/kernel_memory.h"

namespace panda::osi::linux_guest {

class Paths {
  public:
    // Both must outlive this. The other functions need the path and qstr keys of the group.
    Paths(const KernelMemory& memory, const kernelinfo::KernelInfo& info) : memory_(memory), info_(info) {}

    // The path of a struct file, given its address, from the root of its mount namespace. Pipes, sockets and
    // anonymous inodes have the names that /proc/PID/fd gives them, and deleted names end in " (deleted)".
    // Empty if it cannot be read.
    // A file of a stacked file system (overlayfs), which a mapping has, has the path that the user opened.
    std::string of_file(uint64_t file) const;
    // The file system's name for what is in no directory: "sockfs", "pipefs" …; empty if it cannot be read.
    std::string file_system_of(uint64_t file) const;
    // The same for a dentry and a vfsmount.
    std::string of(uint64_t dentry, uint64_t mount) const;

  private:
    struct Path {
        uint64_t dentry = 0;
        uint64_t mount = 0;  // its vfsmount
    };
    // The user's path of a file of a stacked file system. Nothing if the file is another.
    std::optional<Path> user_path(uint64_t file) const;
    std::optional<Path> path_at(uint64_t address) const;
    // Whether a path leads to something: its dentry and its mount are of the same file system.
    bool is_path(const Path& path) const;
    std::string dentry_name(uint64_t dentry) const;
    // The name of something that is in no directory (has d_dname, and is not mounted); empty for all else.
    std::string pseudo_name(uint64_t dentry) const;
    std::string namespace_kind(uint64_t inode) const;  // "mnt", "net" …; "?" if it cannot be read
    bool is_deleted(uint64_t dentry) const;
    std::string file_system(uint64_t dentry) const;
    // The place of the vfsmount in struct mount.
    uint64_t vfsmount_offset() const;

    const KernelMemory& memory_;
    const kernelinfo::KernelInfo& info_;
};

}  // namespace panda::osi::linux_guest
