// BTF, the type information that kernels carry in themselves (section .BTF, /sys/kernel/btf/vmlinux). Its
// layout is described in Documentation/bpf/btf.rst and include/uapi/linux/btf.h of Linux.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/bytes.h"
#include "kernelinfo/type_source.h"

namespace panda::kernelinfo {

class BtfTypes final : public TypeSource {
  public:
    // Takes a whole .BTF section; the bytes are copied. Bytes after the string section are ignored, so a
    // larger piece of guest memory is fine too. Checks the place of every type record; throws an Error that
    // names the offset of the first thing that is not BTF. Takes about 5 ms for a distribution kernel.
    explicit BtfTypes(std::span<const std::byte> section);

    std::optional<uint64_t> struct_size(std::string_view name) const override;
    std::optional<Member> member(std::string_view name, std::string_view path) const override;

    // The number of types, without "void" (0).
    size_t size() const { return types_.size() - 1; }

  private:
    struct Type {
        uint32_t name = 0;  // offset into the strings
        uint32_t info = 0;  // vlen, kind, kind_flag
        uint32_t size_or_type = 0;
        uint32_t extra = 0;  // offset in types_section_ of what follows the record
    };

    void index_types();
    std::string_view string_at(uint32_t offset) const;
    uint32_t word_at(uint32_t offset) const;
    // Follows typedefs and qualifiers. Returns 0 ("void") for chains that are too long to be real.
    uint32_t resolve(uint32_t id) const;
    uint64_t size_of(uint32_t id) const;
    // budget: how many more members may be looked at; it ends types that nest without end.
    std::optional<Member> find_member(uint32_t id, std::string_view path, unsigned depth,
                                      unsigned& budget) const;

    Bytes data_;
    std::span<const std::byte> types_section_;
    std::span<const std::byte> strings_;
    std::vector<Type> types_;                                 // by type id
    std::unordered_map<std::string_view, uint32_t> structs_;  // by name: structs and unions that have members
};

}  // namespace panda::kernelinfo
