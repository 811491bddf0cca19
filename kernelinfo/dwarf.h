// DWARF type information, from the vmlinux of a debug package, for kernels that carry no BTF.
#pragma once

#include <memory>
#include <span>

#include "kernelinfo/type_source.h"

namespace panda::kernelinfo {

class DwarfTypes final : public TypeSource {
  public:
    // Takes an ELF file with .debug_info, which must stay in memory as long as this. Throws Error when it has
    // none. Lists the structs of all compilation units, which takes about 10 s for a distribution kernel.
    explicit DwarfTypes(std::span<const std::byte> elf);
    ~DwarfTypes() override;

    std::optional<uint64_t> struct_size(std::string_view name) const override;
    std::optional<Member> member(std::string_view name, std::string_view path) const override;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace panda::kernelinfo
