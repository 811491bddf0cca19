// The walker over a guest whose memory the input changes, and the watch over stores that it makes.
#include "osi/event_follower.h"
#include "osi/linux/osi_linux.h"
#include "tests/unit/osi_memory_guest.h"

using namespace panda;
using osi::test::FakeGuest;

namespace {

// Each 4 bytes of the input change one byte of the guest. The structs and tables are between 0x10000 and
// 0x97000, each at the start of its page. Returns the physical address.
uint64_t change(FakeGuest& guest, const uint8_t* data) {
    const uint64_t address =
        0x10000 + uint64_t{data[0]} % 0x87 * 0x1000 + (data[1] | uint64_t{data[2]} << 8) % 0x1000;
    guest.memory.bytes[address] = std::byte{data[3]};
    return address;
}

// Makes stores of the second half of the input, to watched addresses.
void watch_stores(FakeGuest& guest, const osi::Provider& provider, const uint8_t* data, size_t size) {
    osi::EventListener listener;
    const auto watch = provider.watch(listener);
    if (!watch->start({guest.point(), 0, 0}))
        return;
    for (uint64_t instr = 1; size >= 4; data += 4, size -= 4, ++instr) {
        const uint64_t physical = change(guest, data) & ~uint64_t{7};
        uint64_t value = 0;
        std::memcpy(&value, guest.memory.bytes.data() + physical, sizeof value);
        for (const uint64_t base : {FakeGuest::direct_base, FakeGuest::image_base})
            if (watch->addresses().may_hold(base + physical) &&
                watch->addresses().find(base + physical) != nullptr)
                watch->on_store({{guest.point(), instr, 0}, base + physical, value, 8});
        if (data[0] % 4 == 0)
            watch->on_user_mode({guest.point(), instr, 0});
        watch->on_block({guest.point(), instr, FakeGuest::image_base});
    }
}

}  // namespace

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
    guest.info.panda_task_flags_offset = 104;
    const size_t stores = size / 8 * 4;
    const uint8_t* const second = data + (size - stores);
    for (size -= stores; size >= 4; data += 4, size -= 4)
        change(guest, data);
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
    watch_stores(guest, provider, second, stores);
    return 0;
}
