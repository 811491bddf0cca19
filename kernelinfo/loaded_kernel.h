// A kernel in a running machine's memory. It describes itself, so nothing has to be prepared.
#pragma once

#include <cstdint>
#include <string>

#include "common/bytes.h"
#include "kernelinfo/kernel_info.h"

namespace panda::kernelinfo {

struct LoadedKernel {
    uint64_t address = 0;  // virtual, of the first byte
    Bytes content;         // from the kernel's text to its end; zeros where nothing is mapped
    unsigned pointer_size = 8;
    std::string name;  // stands for it in errors
};

// Fills in every key that the kernel has, from the kallsyms and the BTF that are found in its memory. The
// addresses are link-time addresses, as from the kernel's file: what KASLR has added is subtracted. (The
// image is assumed to be linked at 16 MiB, the default of CONFIG_PHYSICAL_START; if it is not, the addresses
// and the slide that readers find still fit each other.) Throws FileError when the kernel lacks either, or
// they are damaged. Takes about 0.1 s.
KernelInfo make_kernel_info(const LoadedKernel& kernel);

}  // namespace panda::kernelinfo
