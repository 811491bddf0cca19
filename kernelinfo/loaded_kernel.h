// A kernel as it lies in a running machine's memory: it describes itself, so nothing has to be prepared.
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
// addresses are those of the kernel's image, as from its file: what KASLR has added is taken off again. (The
// image is taken to be linked at 16 MiB, CONFIG_PHYSICAL_START's default; if it is not, addresses and the
// slide that readers find still fit each other.) Throws FileError when the kernel carries neither or they are
// damaged. About 0.1 s.
KernelInfo make_kernel_info(const LoadedKernel& kernel);

}  // namespace panda::kernelinfo
