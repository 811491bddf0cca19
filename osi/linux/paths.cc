#include "osi/linux/paths.h"

#include <vector>

namespace panda::osi::linux_guest {
namespace {

using kernelinfo::KernelInfo;

constexpr size_t max_name = 255;      // NAME_MAX
constexpr unsigned max_steps = 4096;  // up a path: PATH_MAX bounds its parts, and there are few mounts
constexpr size_t max_path = 4096;     // PATH_MAX

std::string join(const std::vector<std::string>& parts_backwards) {
    std::string path;
    for (auto part = parts_backwards.rbegin(); part != parts_backwards.rend(); ++part)
        path += "/" + *part;
    return path.empty() ? "/" : path;
}

}  // namespace

// file_user_path() of include/linux/fs.h, since 6.7 (commit def3ae83da02): the path that a stacked file system's
// user knows is behind the file, whose own path is that in the file system below. The flag is FMODE_BACKING: bit
// 25, and bit 24 since 6.14; in the other kernels these bits mean other things, so what is there must be a path.
std::optional<Paths::Path> Paths::user_path(uint64_t file) const {
    constexpr uint32_t possible_flags = uint32_t{3} << 24;
    if (!info_.panda_backing_file_user_path_offset || !info_.panda_file_f_mode_offset)
        return std::nullopt;
    const auto mode = memory_.u32(at(file, *info_.panda_file_f_mode_offset));
    if (!mode || (*mode & possible_flags) == 0)
        return std::nullopt;
    const auto path = path_at(at(file, *info_.panda_backing_file_user_path_offset));
    return path && is_path(*path) ? path : std::nullopt;
}

// A struct path.
std::optional<Paths::Path> Paths::path_at(uint64_t address) const {
    if (!info_.panda_path_dentry_offset || !info_.panda_path_mnt_offset)
        return std::nullopt;
    const auto dentry = memory_.pointer(at(address, *info_.panda_path_dentry_offset));
    const auto mount = memory_.pointer(at(address, *info_.panda_path_mnt_offset));
    if (!dentry || !mount || !memory_.is_kernel_address(*dentry) || !memory_.is_kernel_address(*mount))
        return std::nullopt;
    return Path{*dentry, *mount};
}

bool Paths::is_path(const Path& path) const {
    if (!info_.panda_dentry_d_sb_offset)
        return false;
    const auto root = memory_.pointer(at(path.mount, info_.need(&KernelInfo::path_mnt_root_offset)));
    if (!root || !memory_.is_kernel_address(*root))
        return false;
    const auto system = memory_.pointer(at(path.dentry, *info_.panda_dentry_d_sb_offset));
    return system && memory_.is_kernel_address(*system) &&
           system == memory_.pointer(at(*root, *info_.panda_dentry_d_sb_offset));
}

std::string Paths::of_file(uint64_t file) const {
    if (const auto path = user_path(file))
        return of(path->dentry, path->mount);
    const auto dentry = memory_.pointer(at(file, info_.need(&KernelInfo::fs_f_path_dentry_offset)));
    const auto mount = memory_.pointer(at(file, info_.need(&KernelInfo::fs_f_path_mnt_offset)));
    return dentry && mount ? of(*dentry, *mount) : std::string();
}

std::string Paths::file_system_of(uint64_t file) const {
    const auto dentry = memory_.pointer(at(file, info_.need(&KernelInfo::fs_f_path_dentry_offset)));
    return dentry && memory_.is_kernel_address(*dentry) ? file_system(*dentry) : std::string();
}

// Does what prepend_path() and d_path() of fs/d_path.c do.
std::string Paths::of(uint64_t dentry, uint64_t mount) const {
    if (!memory_.is_kernel_address(dentry) || !memory_.is_kernel_address(mount))
        return {};
    // The root of a mount has a place in a directory, whatever it is: it may be a bind mount of a namespace.
    const auto mount_root = memory_.pointer(at(mount, info_.need(&KernelInfo::path_mnt_root_offset)));
    if (mount_root != dentry)
        if (std::string name = pseudo_name(dentry); !name.empty())
            return name;
    const bool deleted = is_deleted(dentry);
    std::vector<std::string> parts;
    size_t length = 0;
    for (unsigned step = 0; step < max_steps && length < max_path; ++step) {
        const auto root = memory_.pointer(at(mount, info_.need(&KernelInfo::path_mnt_root_offset)));
        const auto parent = memory_.pointer(at(dentry, info_.need(&KernelInfo::path_d_parent_offset)));
        if (!root || !parent)
            return {};
        if (dentry == *root || dentry == *parent) {
            const auto above = memory_.pointer(at(mount, info_.need(&KernelInfo::path_mnt_parent_offset)));
            const auto point =
                memory_.pointer(at(mount, info_.need(&KernelInfo::path_mnt_mountpoint_offset)));
            if (!above || !point)
                return {};
            const uint64_t above_vfsmount = memory_.wrap(*above + vfsmount_offset());
            if (above_vfsmount == mount)  // the root of all mounts
                return join(parts) + (deleted ? " (deleted)" : "");
            mount = above_vfsmount;
            dentry = *point;
            continue;
        }
        parts.push_back(dentry_name(dentry));
        length += parts.back().size() + 1;
        dentry = *parent;
    }
    return {};
}

std::string Paths::dentry_name(uint64_t dentry) const {
    const uint64_t qstr = at(dentry, info_.need(&KernelInfo::path_d_name_offset));
    const auto name = memory_.pointer(at(qstr, info_.need(&KernelInfo::qstr_name_offset)));
    return name ? memory_.raw_string(*name, max_name).value_or("?") : "?";
}

std::string Paths::pseudo_name(uint64_t dentry) const {
    if (!info_.path_d_op_offset || !info_.path_d_dname_offset)
        return {};
    const auto operations = memory_.pointer(at(dentry, *info_.path_d_op_offset));
    if (!operations || *operations == 0 ||
        memory_.pointer(at(*operations, *info_.path_d_dname_offset)).value_or(0) == 0)
        return {};
    const std::string type = file_system(dentry);
    const std::string name = dentry_name(dentry);
    if (type == "anon_inodefs")  // anon_inodefs_dname()
        return "anon_inode:" + name;
    if (type == "pidfs")  // pidfs_dname(), 6.9
        return "anon_inode:[pidfd]";
    const bool is_pipe = type == "pipefs";
    const bool is_namespace = type == "nsfs";
    if (!is_pipe && !is_namespace && type != "sockfs")
        return "/" + name + " (deleted)";  // simple_dname(): memfd, shared memory
    const auto inode = info_.panda_dentry_d_inode_offset
                           ? memory_.pointer(at(dentry, *info_.panda_dentry_d_inode_offset))
                           : std::nullopt;
    const auto number = inode && info_.panda_inode_i_ino_offset
                            ? memory_.pointer(at(*inode, *info_.panda_inode_i_ino_offset))
                            : std::nullopt;
    const std::string label = is_pipe ? "pipe" : is_namespace ? namespace_kind(inode.value_or(0)) : "socket";
    return label + ":[" + (number ? std::to_string(*number) : "?") + "]";
}

// Does what ns_dname() of fs/nsfs.c does. The inode leads to the namespace in all kernels, the dentry in
// some.
std::string Paths::namespace_kind(uint64_t inode) const {
    if (!info_.panda_inode_i_private_offset || !info_.panda_ns_common_ops_offset ||
        !info_.panda_ns_operations_name_offset)
        return "?";
    uint64_t address = inode;
    for (const auto& offset : {info_.panda_inode_i_private_offset, info_.panda_ns_common_ops_offset,
                               info_.panda_ns_operations_name_offset}) {
        if (!memory_.is_kernel_address(address))
            return "?";
        address = memory_.pointer(at(address, *offset)).value_or(0);
    }
    return memory_.string(address, 32).value_or("?");
}

std::string Paths::file_system(uint64_t dentry) const {
    if (!info_.panda_dentry_d_sb_offset || !info_.panda_super_s_type_offset ||
        !info_.panda_fstype_name_offset)
        return {};
    const auto super = memory_.pointer(at(dentry, *info_.panda_dentry_d_sb_offset));
    const auto type = super ? memory_.pointer(at(*super, *info_.panda_super_s_type_offset)) : std::nullopt;
    const auto name = type ? memory_.pointer(at(*type, *info_.panda_fstype_name_offset)) : std::nullopt;
    return name ? memory_.string(*name, 64).value_or("") : "";
}

bool Paths::is_deleted(uint64_t dentry) const {
    // d_unlinked(): it is not hashed, and is not a root.
    if (!info_.panda_dentry_d_hash_pprev_offset)
        return false;
    const auto hashed = memory_.pointer(at(dentry, *info_.panda_dentry_d_hash_pprev_offset));
    const auto parent = memory_.pointer(at(dentry, info_.need(&KernelInfo::path_d_parent_offset)));
    return hashed == uint64_t{0} && parent != dentry;
}

uint64_t Paths::vfsmount_offset() const {
    if (info_.panda_mount_mnt_offset)
        return static_cast<uint64_t>(*info_.panda_mount_mnt_offset);
    // PANDA's own groups do not say. Before 3.3, mnt_parent points to a vfsmount; since then it points to a
    // struct mount, which starts with two pointers (mnt_hash) and mnt_parent.
    const int64_t parent = info_.need(&KernelInfo::path_mnt_parent_offset);
    return parent >= 0 ? 0 : 2 * uint64_t{memory_.pointer_size()} - static_cast<uint64_t>(parent);
}

}  // namespace panda::osi::linux_guest
