// Kernels that describe themselves, on a guest made by hand.
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <random>

#include "common/error.h"
#include "kernelinfo_builders.h"
#include "osi/linux/discover.h"
#include "osi/linux/select.h"
#include "osi_fake_guest.h"
#include "tests/unit/effort.h"

using namespace panda;
using namespace panda::osi;
using namespace panda::osi::linux_guest;
using Catch::Matchers::ContainsSubstring;
using kernelinfo::test::BtfBuilder;
using kernelinfo::test::Symbol;
using test::FakeGuest;

namespace {

constexpr uint64_t kallsyms = 0xc0000;  // physical
constexpr uint64_t btf = 0xd0000;

Bytes types() {
    BtfBuilder builder;
    const uint32_t integer = builder.add_int("int", 4);
    const uint32_t pointer = builder.add_pointer(integer);
    const uint32_t comm = builder.add_array(builder.add_int("char", 1), 16);
    const uint32_t list = builder.add_struct("list_head", 16, {{"next", pointer, 0}, {"prev", pointer, 64}});
    const auto bits = [](uint32_t offset) { return offset * 8; };
    builder.add_struct("task_struct", 0x200,
                       {{"tasks", list, bits(16)},
                        {"pid", integer, bits(32)},
                        {"tgid", integer, bits(36)},
                        {"group_leader", pointer, bits(40)},
                        {"real_parent", pointer, bits(48)},
                        {"mm", pointer, bits(56)},
                        {"comm", comm, bits(64)},
                        {"signal", pointer, bits(80)},
                        {"thread_node", list, bits(88)}});
    builder.add_struct("signal_struct", 64, {{"thread_head", list, 0}});
    builder.add_struct("mm_struct", 64, {{"pgd", pointer, 0}});
    return builder.build();
}

// A guest with the tables of its kernel in memory.
struct PlainGuest : FakeGuest {
    explicit PlainGuest(uint64_t slide_) : FakeGuest(slide_) {
        const uint64_t image = image_base + slide;
        std::vector<Symbol> symbols = {{"Acurrent_task", 0x80}, {"T_text", image}};
        for (unsigned i = 0; i < 100; ++i)
            symbols.push_back({"tf" + std::to_string(i), image + 16 + i});
        symbols.push_back({"Tentry_SYSCALL_64", image + entry});
        symbols.push_back({"Dlinux_banner", image + banner});
        symbols.push_back({"D__per_cpu_offset", image + per_cpu_offsets});
        symbols.push_back({"Dinit_task", image + init_task});
        place(kallsyms, kernelinfo::test::build_kallsyms(symbols, image,
                                                         kernelinfo::test::KallsymsOrder::before_6_4, true));
        place(btf, types());
        add_process(1, 0, "init", true);
    }
    void place(uint64_t at, const Bytes& bytes) {
        std::memcpy(memory.bytes.data() + at, bytes.data(), bytes.size());
    }
};

}  // namespace

TEST_CASE("a kernel is found with nothing prepared") {
    PlainGuest guest(GENERATE(0, 0x2da00000));
    const auto info = discover_kernel(guest.point(), "a trace");
    CHECK(info.release() == "6.1.0-test");
    CHECK(info.task_init_addr == FakeGuest::image_base + FakeGuest::init_task);
    CHECK(info.task_current_task_addr == 0x80);
    CHECK(info.task_comm_offset == 64);
    const OsiLinux provider = open_unknown_kernel(nullptr, guest.point(), "a trace");
    CHECK(provider.slide() == guest.slide);
    const auto list = provider.processes(guest.point());
    CHECK(list.warning.empty());
    REQUIRE(list.entries.size() == 2);
    CHECK(list.entries[1].name == "init");
    CHECK(provider.threads(guest.point(), list.entries[1].handle).entries.size() == 1);
    CHECK(provider.current_process_handle(guest.point())->task == guest.task_address(0));
}

TEST_CASE("a group that lacks keys gets them from the kernel, with addresses at link time") {
    PlainGuest guest(GENERATE(0, 0x2da00000));
    kernelinfo::KernelInfo info = guest.info;
    info.panda_entry_syscall_64_addr.reset();
    info.panda_task_signal_offset.reset();
    info.panda_task_thread_node_offset = 77;  // what a group says counts
    const OsiLinux lacking(info, Attachment{guest.slide, FakeGuest::top_table});
    GroupCompleter complete("a trace");
    const OsiLinux kernel = complete(lacking, guest.point());
    CHECK(kernel.info().panda_entry_syscall_64_addr == FakeGuest::image_base + FakeGuest::entry);
    CHECK(kernel.info().panda_task_signal_offset == 80);
    CHECK(kernel.info().panda_task_thread_node_offset == 77);
    // Once for each kernel.
    guest.memory.put<uint16_t>(btf, 0);
    CHECK(complete(lacking, guest.point()).info().panda_task_signal_offset == 80);
    CHECK_FALSE(GroupCompleter("a trace")(lacking, guest.point()).info().panda_task_signal_offset);
}

TEST_CASE("a group that fits comes before what the kernel says") {
    PlainGuest guest(0);
    const kernelinfo::KeyFile other("[other]\nname = 5.10|#1 X|x86_64\ntask.init_addr = 1\n", "k.conf");
    CHECK(open_unknown_kernel(&other, guest.point(), "a trace").info().source != "k.conf");
}

TEST_CASE("without types the guest's kernel is named") {
    PlainGuest guest(0);
    guest.memory.put<uint16_t>(btf, 0);
    CHECK_THROWS_WITH(discover_kernel(guest.point(), "a trace"),
                      ContainsSubstring("a trace: ") && ContainsSubstring("no BTF") &&
                          ContainsSubstring("6.1.0-test #1 SMP Test"));
}

TEST_CASE("before a kernel runs there is none") {
    PlainGuest guest(0);
    guest.cpu.lstar = 0;
    CHECK_THROWS_WITH(discover_kernel(guest.point(), "a trace"),
                      ContainsSubstring("do not lead to a kernel"));
    guest.cpu.cr0 = 0;
    CHECK_THROWS_AS(discover_kernel(guest.point(), "a trace"), Error);
}

TEST_CASE("a kernel of flipped bits is refused or harmless") {
    std::mt19937 random(4);
    unsigned refused = 0;
    unsigned right = 0;
    for (unsigned round = 0; round < rounds_of_effort(100); ++round) {
        PlainGuest guest(0);
        for (unsigned flips = 4; flips > 0; --flips)
            guest.memory.bytes[(random() % 2 == 0 ? btf : kallsyms) + random() % 0x1800] ^=
                std::byte(1u << random() % 8);
        try {
            const OsiLinux provider(discover_kernel(guest.point(), "a trace"), guest.point());
            const auto processes = provider.processes(guest.point());
            for (const auto& process : processes.entries)
                provider.threads(guest.point(), process.handle);
            right += processes.entries.size() == 2 && processes.entries[1].name == "init";
        } catch (const Error&) {
            ++refused;
        }
    }
    CHECK(refused > 0);
    CHECK(right > 0);
}
