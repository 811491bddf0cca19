#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <random>
#include <sstream>

#include "common/error.h"
#include "kernelinfo/key_file.h"
#include "osi/linux/select.h"
#include "osi_fake_guest.h"

using namespace panda;
using namespace panda::osi;
using namespace panda::osi::linux_guest;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;
using test::FakeGuest;

namespace {

void add_some_processes(FakeGuest& guest) {
    const unsigned init = guest.add_process(1, 0, "init", true);
    guest.add_process(2, 0, "kthreadd", false);
    guest.add_process(300, init, "a shell", true);
}

}  // namespace

TEST_CASE("processes are listed, wherever KASLR has put the kernel") {
    FakeGuest guest(GENERATE(0, 0x2da00000, 0x3e000000));
    add_some_processes(guest);
    const OsiLinux provider(guest.info, guest.point());
    CHECK(provider.slide() == guest.slide);
    const auto list = provider.processes(guest.point());
    CHECK(list.warning.empty());
    REQUIRE(list.entries.size() == 4);
    CHECK(list.entries[0] == Process{{guest.task_address(0), 0}, 0, 0, "swapper/0", "swapper/0"});
    CHECK(list.entries[1] == Process{{guest.task_address(1), 0x81000}, 1, 0, "init", "init"});
    CHECK(list.entries[2] == Process{{guest.task_address(2), 0}, 2, 0, "kthreadd", "kthreadd"});
    CHECK(list.entries[3] == Process{{guest.task_address(3), 0x83000}, 300, 1, "a shell", "a shell"});
    const auto handles = provider.process_handles(guest.point());
    REQUIRE(handles.entries.size() == 4);
    for (size_t i = 0; i < 4; ++i) {
        CHECK(handles.entries[i] == list.entries[i].handle);
        CHECK(provider.process(guest.point(), handles.entries[i]) == list.entries[i]);
    }
}

TEST_CASE("the slide is found from the interrupt table too, and behind page table isolation") {
    FakeGuest guest(0x2da00000);
    guest.info.panda_page_fault_addr = FakeGuest::image_base + 0xbe0;
    guest.cpu.lstar = 0xfffffe0000006000;  // the entry trampoline of kernels before 4.20
    guest.cpu.idt.base = FakeGuest::direct_base + 0x70000;
    const uint64_t target = FakeGuest::image_base + guest.slide + 0xbe0;
    guest.memory.put(0x70000 + 14 * 16,
                     (target & 0xffff) | 0x108e0000'0000 | ((target >> 16) & 0xffff) << 48);
    guest.memory.put<uint64_t>(0x70000 + 14 * 16 + 8, target >> 32);
    CHECK(try_attach(guest.point(), guest.info)->slide == guest.slide);
    guest.cpu.cr3 |= 0x1000;  // an empty page: the user half maps nothing of this
    guest.cpu.lstar = FakeGuest::image_base + guest.slide + FakeGuest::entry;
    CHECK(try_attach(guest.point(), guest.info)->slide == guest.slide);
}

TEST_CASE("the keys of PANDA's own groups are enough") {
    FakeGuest guest(0);
    add_some_processes(guest);
    guest.info.panda_entry_syscall_64_addr.reset();
    guest.info.panda_linux_banner_addr.reset();
    CHECK(OsiLinux(guest.info, guest.point()).processes(guest.point()).entries.size() == 4);
}

TEST_CASE("the current process and thread") {
    FakeGuest guest(0x2da00000);
    add_some_processes(guest);
    guest.memory.put(FakeGuest::per_cpu_area + 0x80, guest.task_address(3));
    const OsiLinux provider(guest.info, guest.point());
    CHECK(provider.current_process_handle(guest.point()) == ProcessHandle{guest.task_address(3), 0x83000});
    CHECK(provider.current_thread(guest.point()) == Thread{guest.task_address(3), 300, 300, "a shell"});
    guest.memory.put<uint64_t>(FakeGuest::per_cpu_area + 0x80, 0);
    CHECK_FALSE(provider.current_process_handle(guest.point()));
}

TEST_CASE("threads, by the list since 3.14 and by the ring before") {
    FakeGuest guest(0);
    add_some_processes(guest);
    // A second thread of process 300, on no process list.
    const uint64_t leader = FakeGuest::init_task + 3 * 0x200;
    const uint64_t thread = FakeGuest::init_task + 9 * 0x200;
    const uint64_t thread_address = FakeGuest::direct_base + thread;
    guest.memory.put<int>(thread + 32, 301);
    guest.memory.put<int>(thread + 36, 300);
    guest.memory.put_text(thread + 64, "worker");
    const OsiLinux provider(guest.info, guest.point());
    const ProcessHandle handle{guest.task_address(3), 0};
    CHECK(provider.threads(guest.point(), handle).entries.size() == 1);
    SECTION("list") {
        guest.memory.put(leader + 88, thread_address + 88);
        guest.memory.put(thread + 88, FakeGuest::direct_base + FakeGuest::signals + 3 * 0x40);
        const auto list = provider.threads(guest.point(), handle);
        REQUIRE(list.entries.size() == 2);
        CHECK(list.entries[1] == Thread{thread_address, 300, 301, "worker"});
    }
    SECTION("ring") {
        guest.info.panda_task_thread_node_offset.reset();
        guest.info.task_thread_group_offset = 96;
        guest.memory.put(leader + 96, thread_address + 96);
        guest.memory.put(thread + 96, guest.task_address(3) + 96);
        const auto list = OsiLinux(guest.info, guest.point()).threads(guest.point(), handle);
        CHECK(list.warning.empty());
        REQUIRE(list.entries.size() == 2);
        CHECK(list.entries[0].tid == 300);
        CHECK(list.entries[1] == Thread{thread_address, 300, 301, "worker"});
    }
}

TEST_CASE("kernel modules") {
    FakeGuest guest(0x2da00000);
    const OsiLinux provider(guest.info, guest.point());
    CHECK(provider.modules(guest.point()).entries.empty());
    guest.add_module("virtio_blk", 0xffffffffc0123000, 0x5000);
    const auto list = provider.modules(guest.point());
    REQUIRE(list.entries.size() == 1);
    CHECK(list.entries[0].name == "virtio_blk");
    CHECK(list.entries[0].base == 0xffffffffc0123000);
    CHECK(list.entries[0].size == 0x5000);
    CHECK(list.warning.empty());

    // Since 6.4 a module is several pieces: here two, of 32 bytes of description each.
    guest.info.panda_module_mem_size = 64;
    guest.info.panda_module_memory_size = 32;
    guest.memory.put(FakeGuest::modules + 0x100 + 0x88 + 32, uint32_t{0x2000});
    guest.memory.put(FakeGuest::modules + 0x100 + 0x88 + 64, uint32_t{0x1000});  // beyond them
    CHECK(OsiLinux(guest.info, guest.point()).modules(guest.point()).entries[0].size == 0x7000);
}

TEST_CASE("another kernel is named, a missing key too") {
    FakeGuest guest(0x2da00000);
    auto info = guest.info;
    info.name = "6.1.1-other|#1 SMP Test (2026-01-01)|x86_64";
    CHECK_THROWS_MATCHES(OsiLinux(info, guest.point()), FileError,
                         MessageMatches(ContainsSubstring("fake.conf: group [fake]: key name") &&
                                        ContainsSubstring("6.1.0-test #1 SMP Test")));
    info = guest.info;
    info.task_tgid_offset.reset();
    CHECK_THROWS_MATCHES(OsiLinux(info, guest.point()).processes(guest.point()), FileError,
                         MessageMatches(ContainsSubstring("key task.tgid_offset")));
    guest.cpu.cr0 = 0;
    CHECK_THROWS_AS(OsiLinux(guest.info, guest.point()), FileError);
}

TEST_CASE("user mode under page table isolation, where the user half has the kernel's text and no data") {
    FakeGuest guest(0x2da00000);
    guest.add_process(1, 0, "init", true);
    const uint64_t image = FakeGuest::image_base + guest.slide;
    // The pair of tables: the kernel's half is as before, the user's has entry code and banner.
    const uint64_t pair = 0x16000;
    std::copy_n(guest.memory.bytes.begin() + FakeGuest::top_table, 0x1000, guest.memory.bytes.begin() + pair);
    guest.memory.put(pair + 0x1000 + (image >> 39 & 511) * 8, uint64_t{0x18003});
    guest.memory.put(0x18000 + (image >> 30 & 511) * 8, uint64_t{0x19003});
    guest.memory.put(0x19000 + (image >> 21 & 511) * 8, uint64_t{0x1a003});
    for (const uint64_t page : {FakeGuest::entry / 4096, FakeGuest::banner / 4096})
        guest.memory.put(0x1a000 + page * 8, page * 4096 | 3);
    for (const uint64_t pcid : {0x0, 0x806}) {
        guest.cpu.cr3 = (pair + 0x1000) | pcid;
        const OsiLinux provider(guest.info, guest.point());
        CHECK(provider.slide() == guest.slide);
        CHECK(provider.processes(guest.point()).entries.size() == 2);
        CHECK(possible_roots(guest.cpu) == std::vector<uint64_t>{pair + 0x1000, pair});
    }
}

TEST_CASE("system management mode, in which firmware runs without paging") {
    FakeGuest guest(0x2da00000);
    add_some_processes(guest);
    const OsiLinux provider(guest.info, guest.point());
    guest.cpu.system_management = true;
    guest.cpu.cr0 = 0x10;
    guest.cpu.efer = 0;
    CHECK(provider.processes(guest.point()).entries.size() == 4);
}

TEST_CASE("the group is chosen by the banner") {
    FakeGuest guest(0x2da00000);
    std::ostringstream text;
    auto other = guest.info;
    other.group = "other";
    other.name = "5.10.0|#1 SMP|x86_64";
    kernelinfo::write_group(text, other);
    const kernelinfo::KeyFile without(text.str(), "test.conf");
    CHECK_THROWS_MATCHES(
        open_kernel(without, "", guest.point()), FileError,
        MessageMatches(ContainsSubstring("no group is for") && ContainsSubstring("6.1.0-test #1 SMP Test")));
    kernelinfo::write_group(text, guest.info);
    const kernelinfo::KeyFile file(text.str(), "test.conf");
    CHECK(open_kernel(file, "", guest.point()).info().group == "fake");
    CHECK(open_kernel(file, "fake", guest.point()).slide() == guest.slide);
    CHECK_THROWS_AS(open_kernel(file, "other", guest.point()), FileError);
    // A file that does not know the kernel, and what is looked at behind it.
    CHECK(open_named_kernel(without, "", guest.point(), "guest", &file).info().group == "fake");
    CHECK_THROWS_MATCHES(open_named_kernel(without, "", guest.point(), "guest"), FileError,
                         MessageMatches(ContainsSubstring("no group is for")));
    CHECK_THROWS_AS(open_named_kernel(without, "other", guest.point(), "guest", &file), FileError);
    // This guest cannot complete its group.
    GroupCompleter complete("guest");
    CHECK_FALSE(complete(open_kernel(file, "", guest.point()), guest.point()).info().panda_sock_size);
}

TEST_CASE("broken lists end with what could be read and a warning") {
    FakeGuest guest(0);
    add_some_processes(guest);
    const OsiLinux provider(guest.info, guest.point());
    const uint64_t link = FakeGuest::init_task + 2 * 0x200 + 16;  // from the third task on
    SECTION("out of the kernel") {
        guest.memory.put<uint64_t>(link, 0x1234);
    }
    SECTION("to where there is no memory") {
        guest.memory.put<uint64_t>(link, FakeGuest::direct_base + 0x10000000);
    }
    SECTION("in a circle") {
        guest.memory.put<uint64_t>(link, guest.task_address(1) + 16);
    }
    const auto list = provider.processes(guest.point());
    CHECK(list.entries.size() == 3);
    CHECK_THAT(list.warning, ContainsSubstring("the process list is incomplete"));
}

TEST_CASE("a guest of flipped bits never stops the walk or breaks it") {
    std::mt19937 random(1);
    unsigned whole = 0;
    unsigned incomplete = 0;
    unsigned threads = 0;
    unsigned current = 0;
    unsigned modules = 0;
    size_t most = 0;
    for (unsigned round = 0; round < 3000; ++round) {
        FakeGuest guest(0);
        add_some_processes(guest);
        guest.add_module("module", 0xffffffffc0000000, 1);
        const OsiLinux provider(guest.info, Attachment{0, FakeGuest::top_table});
        for (unsigned flips = 30; flips > 0; --flips) {
            // Where structs and tables are.
            const uint64_t regions[] = {0x10000, 0x11000, 0x12000, 0x20000,
                                        0x30000, 0x40000, 0x50000, 0x60000};
            guest.memory.bytes[regions[random() % 8] + random() % 0x800] ^= std::byte(1u << random() % 8);
        }
        const auto found = provider.processes(guest.point());
        whole += found.warning.empty() && found.entries.size() == 4;
        incomplete += !found.warning.empty();
        most = std::max(most, found.entries.size());
        for (const auto& process : found.entries)
            threads += provider.threads(guest.point(), process.handle).entries.size() == 1;
        current += provider.current_process_handle(guest.point()) && provider.current_thread(guest.point());
        modules += provider.modules(guest.point()).entries.size() == 1;
    }
    // Most damage is where nothing looks; what is found never grows without bound.
    CHECK(whole > 2000);
    CHECK(incomplete > 300);
    CHECK(most <= 8);
    CHECK(threads > 9000);
    CHECK(current > 2500);
    CHECK(modules > 0);
}
