// Where struct layouts come from: BTF, DWARF, or whatever else knows a kernel's types.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace panda::kernelinfo {

// A member of a struct: its place in bytes from the struct's start, and its size in bytes (0 if unknown, as
// for flexible arrays). A bit field has the place of the byte that holds its first bit.
struct Member {
    uint64_t offset = 0;
    uint64_t size = 0;
};

class TypeSource {
  public:
    virtual ~TypeSource() = default;

    // The size in bytes of `struct name` or `union name`; nothing if the kernel has no such type.
    virtual std::optional<uint64_t> struct_size(std::string_view name) const = 0;

    // The member that `path` names in `struct name`. Members of nested structs follow dots ("f_path.dentry"),
    // members of anonymous structs and unions are named as in C, and an array stands for its first element.
    // Returns nothing if there is no such member: callers probe.
    virtual std::optional<Member> member(std::string_view name, std::string_view path) const = 0;
};

}  // namespace panda::kernelinfo
