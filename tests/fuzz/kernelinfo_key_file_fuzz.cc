#include "kernelinfo/key_file.h"
#include "tests/fuzz/patched_sample.h"
#include "tests/unit/kernelinfo_builders.h"

using namespace panda;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const auto text = kernelinfo::test::bytes_of(
        "[debian:1:64]\nname = 1|#1 SMP|x86_64\ntask.init_addr = 3245807232\n#x\ntask.pid_offset = -8\n");
    static const Bytes sample(text.begin(), text.end());
    const Bytes content = fuzz::patched(sample, data, size);
    try {
        const kernelinfo::KeyFile file(
            std::string_view(reinterpret_cast<const char*>(content.data()), content.size()), "fuzz");
        for (const std::string& group : file.groups())
            file.read(group).pointer_size();
    } catch (const Error&) {
    }
    return 0;
}
