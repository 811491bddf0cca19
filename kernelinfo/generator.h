// Makes a KernelInfo from a kernel's own type information and symbols.
#pragma once

#include <string>
#include <string_view>

#include "kernelinfo/kernel_image.h"
#include "kernelinfo/kernel_info.h"
#include "kernelinfo/symbols.h"
#include "kernelinfo/type_source.h"

namespace panda::kernelinfo {

// The parts of the text in a kernel's variable linux_banner: "Linux version RELEASE (builder) (compiler)
// VERSION".
struct Banner {
    std::string release;  // 6.1.0-56-cloud-amd64
    std::string version;  // #1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)
};
// Takes text that starts with a banner, and reads up to the end of its line, at most 512 bytes. Throws Error
// when it is not a banner.
Banner parse_banner(std::string_view text);

// Fills in every key that the kernel has, and the group's name "debian:RELEASE:64" (with the distribution if
// the version tells it, and "linux" otherwise). Throws Error when something is missing without which
// introspection is not possible at all.
KernelInfo make_kernel_info(const TypeSource& types, const SymbolTable& symbols, const Banner& banner,
                            unsigned pointer_size);

// The same from a kernel's image. The types come from BTF, or else from DWARF. The symbols come from
// `system_map` if that is not empty, or else from the ELF symbol table, or else from kallsyms. Throws
// FileError.
KernelInfo make_kernel_info(const KernelImage& image, const SymbolTable& system_map);

}  // namespace panda::kernelinfo
