// A kernel in memory whose tables the input changes.
#include "kernelinfo/loaded_kernel.h"
#include "tests/fuzz/patched_sample.h"
#include "tests/unit/kernelinfo_builders.h"

using namespace panda;

namespace {

constexpr uint64_t text_start = 0xffffffff81000000;

// The banner, the kallsyms and the BTF are so close together that changes hit them.
Bytes make_content() {
    std::vector<kernelinfo::test::Symbol> symbols = {{"T_text", text_start}, {"Dlinux_banner", text_start}};
    for (unsigned i = 0; i < 80; ++i)
        symbols.push_back({"tf" + std::to_string(i), text_start + 16 + i});
    symbols.push_back({"Dinit_task", text_start + 0x1000});
    kernelinfo::test::BtfBuilder btf;
    const uint32_t pointer = btf.add_pointer(btf.add_int("int", 4));
    btf.add_struct("task_struct", 64, {{"tasks", pointer, 0}, {"comm", pointer, 64}});
    btf.add_struct("mm_struct", 64, {{"pgd", pointer, 0}});
    ByteWriter out;
    out.put_bytes(kernelinfo::test::bytes_of("Linux version 6.1 (x) #1 SMP\n"));
    while (out.size() % 8 != 0)
        out.put<uint8_t>(0);
    out.put_bytes(kernelinfo::test::build_kallsyms(symbols, text_start,
                                                   kernelinfo::test::KallsymsOrder::since_6_4, true));
    out.put_bytes(btf.build());
    return out.take();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Bytes content = make_content();
    try {
        kernelinfo::make_kernel_info({text_start, fuzz::patched(content, data, size), 8, "fuzz"});
    } catch (const Error&) {
    }
    return 0;
}
