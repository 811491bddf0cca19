// Where struct layouts come from: BTF, DWARF, whatever else knows a kernel's types.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace panda::kernelinfo {

// A member of a struct: its place in bytes from the struct's start and its size in bytes (0 when unknown, as
// for flexible arrays). Bit fields count from the byte that holds their first bit.
struct Member {
    uint64_t offset = 0;
    uint64_t size = 0;
};

class TypeSource {
  public:
    virtual ~TypeSource() = default;

    // Size in bytes of `struct name` or `union name`; nothing when the kernel has no such type.
    virtual std::optional<uint64_t> struct_size(std::string_view name) const = 0;

    // The member that `path` names in `struct name`: members of nested structs after dots ("f_path.dentry"),
    // members of anonymous structs and unions as C has them, an array standing for its first element. Nothing
    // when there is none: callers probe.
    virtual std::optional<Member> member(std::string_view name, std::string_view path) const = 0;
};

}  // namespace panda::kernelinfo
