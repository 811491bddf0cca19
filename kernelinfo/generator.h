// Makes a KernelInfo out of a kernel's own type information and symbols.
#pragma once

#include <string>
#include <string_view>

#include "kernelinfo/kernel_image.h"
#include "kernelinfo/kernel_info.h"
#include "kernelinfo/symbols.h"
#include "kernelinfo/type_source.h"

namespace panda::kernelinfo {

// The text of a kernel's variable linux_banner, taken apart: "Linux version RELEASE (builder) (compiler)
// VERSION".
struct Banner {
    std::string release;  // 6.1.0-56-cloud-amd64
    std::string version;  // #1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)
};
// Takes text that begins with a banner; reads up to the end of its line, at most 512 bytes. Throws Error when
// it is none.
Banner parse_banner(std::string_view text);

// Fills in every key that the kernel has, and the group "debian:RELEASE:64" (the distribution as far as the
// version tells, "linux" otherwise). Throws Error when what makes a kernel introspectable at all is missing.
KernelInfo make_kernel_info(const TypeSource& types, const SymbolTable& symbols, const Banner& banner,
                            unsigned pointer_size);

// The same from a kernel's image: types from BTF, else from DWARF; symbols from `system_map` if that is not
// empty, else from the ELF symbol table, else from kallsyms. Throws FileError.
KernelInfo make_kernel_info(const KernelImage& image, const SymbolTable& system_map);

}  // namespace panda::kernelinfo
