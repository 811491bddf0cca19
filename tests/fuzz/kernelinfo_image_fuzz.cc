#include "kernelinfo/generator.h"
#include "kernelinfo/kernel_image.h"
#include "tests/fuzz/patched_sample.h"
#include "tests/unit/kernelinfo_builders.h"

using namespace panda;

namespace {

Bytes make_elf() {
    const auto banner = kernelinfo::test::bytes_of("Linux version 6.1 (x) #1 SMP\n");
    return kernelinfo::test::build_elf({{".rodata", Bytes(banner.begin(), banner.end()), 0xffffffff81000000},
                                        {".BTF", kernelinfo::test::BtfBuilder().build()}});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Bytes elf = make_elf();
    static const Bytes image = kernelinfo::test::build_bzimage(elf);
    kernelinfo::SymbolTable symbols;
    symbols.add("linux_banner", 0xffffffff81000000);
    for (const Bytes* sample : {&elf, &image}) {
        try {
            const kernelinfo::KernelImage kernel(fuzz::patched(*sample, data, size), "fuzz");
            kernel.elf_symbols();
            kernelinfo::make_kernel_info(kernel, symbols);
        } catch (const Error&) {
        }
    }
    return 0;
}
