#include "kernelinfo/kallsyms.h"
#include "tests/fuzz/patched_sample.h"
#include "tests/unit/kernelinfo_builders.h"

using namespace panda;

namespace {

Bytes make_sample(kernelinfo::test::KallsymsOrder order) {
    constexpr uint64_t base = 0xffffffff81000000;
    const bool percpu = order != kernelinfo::test::KallsymsOrder::since_7_0;
    std::vector<kernelinfo::test::Symbol> symbols;
    if (percpu)
        symbols.push_back({"Acurrent_task", 0x100});
    for (unsigned i = 0; i < 300; ++i)
        symbols.push_back({"tinit_" + std::to_string(i), base + i * 16});
    return kernelinfo::test::build_kallsyms(symbols, base, order, percpu);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Bytes before = make_sample(kernelinfo::test::KallsymsOrder::before_6_4);
    static const Bytes since = make_sample(kernelinfo::test::KallsymsOrder::since_6_4);
    static const Bytes newest = make_sample(kernelinfo::test::KallsymsOrder::since_7_0);
    for (const Bytes* sample : {&before, &since, &newest}) {
        const Bytes image = fuzz::patched(*sample, data, size);
        for (const unsigned pointer_size : {4u, 8u}) {
            try {
                kernelinfo::find_kallsyms(image, 0xffffffff81000000, pointer_size);
            } catch (const Error&) {
            }
        }
    }
    return 0;
}
