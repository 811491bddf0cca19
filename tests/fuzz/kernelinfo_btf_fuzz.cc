#include "kernelinfo/btf.h"
#include "tests/fuzz/patched_sample.h"
#include "tests/unit/kernelinfo_builders.h"

using namespace panda;

namespace {

Bytes make_sample() {
    kernelinfo::test::BtfBuilder btf;
    const uint32_t integer = btf.add_int("int", 4);
    const uint32_t array = btf.add_array(btf.add_typedef("number", btf.add_const(integer)), 16);
    const uint32_t inner = btf.add_struct("", 20, {{"text", array, 0}, {"low", integer, 128}}, true);
    btf.add_struct("outer", 108,
                   {{"a", integer, 0}, {"", inner, 32}, {"in", inner, 192}, {"p", btf.add_pointer(1), 0}});
    return btf.build();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Bytes sample = make_sample();
    try {
        const kernelinfo::BtfTypes types(fuzz::patched(sample, data, size));
        types.struct_size("outer");
        for (const char* path : {"a", "text", "in.text", "in.low.deeper", "missing", "p.a"})
            types.member("outer", path);
    } catch (const Error&) {
    }
    return 0;
}
