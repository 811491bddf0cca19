// The walker over a guest whose memory the input changes.
#include "osi/linux/osi_linux.h"
#include "tests/unit/osi_memory_guest.h"

using namespace panda;
using osi::test::FakeGuest;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    osi::test::MemoryGuest guest;
    if (size > 0 && data[0] % 2 == 0)
        osi::test::make_list(guest);
    else
        osi::test::make_tree(guest);
    guest.info.mm_arg_start_offset = 24;
    guest.info.panda_mm_arg_end_offset = 32;
    guest.info.panda_mm_env_start_offset = 32;
    guest.info.panda_mm_env_end_offset = 40;
    guest.info.panda_mm_exe_file_offset = 8;
    guest.open_file(3, 0, 6);
    guest.add_process(2, 0, "kthreadd", false);
    guest.add_module("module", 0xffffffffc0000000, 1);
    for (; size >= 4; data += 4, size -= 4) {
        // The structs and tables lie from 0x10000 to 0x97000, each at the start of its page.
        const size_t page = 0x10000 + size_t{data[0]} % 0x87 * 0x1000;
        guest.memory.bytes[page + (data[1] | size_t{data[2]} << 8) % 0x1000] = std::byte{data[3]};
    }
    const osi::linux_guest::OsiLinux provider(guest.info, {0, FakeGuest::top_table});
    for (const auto& process : provider.processes(guest.point()).entries) {
        provider.threads(guest.point(), process.handle);
        provider.mappings(guest.point(), process.handle);
        provider.files(guest.point(), process.handle);
        provider.details(guest.point(), process.handle);
        provider.arguments(guest.point(), process.handle);
        provider.environment(guest.point(), process.handle);
    }
    provider.current_process_handle(guest.point());
    provider.current_thread(guest.point());
    provider.modules(guest.point());
    osi::linux_guest::try_attach(guest.point(), guest.info);
    return 0;
}
