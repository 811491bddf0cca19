#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstddef>
#include <random>

#include "common/compression.h"
#include "common/file.h"
#include "kernelinfo/dwarf.h"
#include "kernelinfo/generator.h"
#include "kernelinfo/kernel_image.h"
#include "kernelinfo/loaded_kernel.h"
#include "kernelinfo_builders.h"

using namespace panda;
using namespace panda::kernelinfo;
using test::Symbol;

namespace {

constexpr uint64_t text_start = 0xffffffff81000000;
constexpr uint64_t data_start = 0xffffffff81020000;
const std::string banner =
    "Linux version 6.1.0-56-cloud-amd64 (debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14) 12.2.0) "
    "#1 SMP "
    "PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)\n";

Bytes sample_btf() {
    test::BtfBuilder btf;
    const uint32_t integer = btf.add_int("int", 4);
    const uint32_t pointer = btf.add_pointer(integer);
    const uint32_t comm = btf.add_array(btf.add_int("char", 1), 16);
    const uint32_t list = btf.add_struct("list_head", 16, {{"next", pointer, 0}, {"prev", pointer, 64}});
    btf.add_struct("task_struct", 128,
                   {{"tasks", list, 64}, {"pid", integer, 256}, {"mm", pointer, 320}, {"comm", comm, 512}});
    btf.add_struct("mm_struct", 64, {{"pgd", pointer, 128}});
    const uint32_t vfsmount = btf.add_struct("vfsmount", 16, {{"mnt_root", pointer, 0}});
    btf.add_struct("mount", 64,
                   {{"mnt_parent", pointer, 128}, {"mnt_mountpoint", pointer, 192}, {"mnt", vfsmount, 256}});
    const uint32_t memory =
        btf.add_struct("module_memory", 32, {{"base", pointer, 0}, {"size", integer, 64}});
    btf.add_struct("module", 512, {{"mem", btf.add_array(memory, 7), 1024}});
    btf.add_struct("pcpu_hot", 64, {{"current_task", pointer, 64}});
    return btf.build();
}

// The kallsyms of a kernel that is loaded `slide` above the address it is linked for.
Bytes sample_kallsyms(uint64_t slide) {
    std::vector<Symbol> symbols = {{"Apcpu_hot", 0x2000}, {"T_text", text_start + slide}};
    for (unsigned i = 0; i < 100; ++i)
        symbols.push_back({"tf" + std::to_string(i), text_start + slide + 16 + i});
    symbols.push_back({"tfinish_task_switch.isra.0", text_start + slide + 0x1000});
    symbols.push_back({"Dlinux_banner", data_start + slide});
    symbols.push_back({"Dinit_task", data_start + slide + 0x1000});
    return test::build_kallsyms(symbols, text_start + slide, test::KallsymsOrder::before_6_4, true);
}

Bytes sample_elf() {
    const auto text = test::bytes_of(banner);
    Bytes data(text.begin(), text.end());
    data.resize(1024);
    return test::build_elf(
        {{".rodata", sample_kallsyms(0), text_start}, {".data", data, data_start}, {".BTF", sample_btf()}});
}

constexpr size_t kallsyms_place = 0x1000;
constexpr size_t btf_place = 0x9000;

LoadedKernel sample_loaded(uint64_t slide) {
    LoadedKernel kernel;
    kernel.address = text_start + slide;
    kernel.name = "a guest";
    kernel.content.resize(data_start - text_start + 1024);
    const auto place = [&](size_t at, std::span<const std::byte> bytes) {
        std::copy(bytes.begin(), bytes.end(), kernel.content.begin() + static_cast<ptrdiff_t>(at));
    };
    place(kallsyms_place, sample_kallsyms(slide));
    place(btf_place, sample_btf());
    place(data_start - text_start, test::bytes_of(banner));
    return kernel;
}

void check_sample(const KernelInfo& info) {
    CHECK(info.group == "debian:6.1.0-56-cloud-amd64:64");
    CHECK(info.name == "6.1.0-56-cloud-amd64|#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)|x86_64");
    CHECK(info.version_a == 6);
    CHECK(info.version_b == 1);
    CHECK(info.version_c == 192);
    CHECK(info.task_init_addr == data_start + 0x1000);
    CHECK(info.task_switch_task_hook_addr == text_start + 0x1000);
    CHECK(info.task_current_task_addr == 0x2008);
    CHECK(info.task_size == 128);
    CHECK(info.task_pid_offset == 32);
    CHECK(info.task_comm_size == 16);
    CHECK(info.path_mnt_parent_offset == -16);
    CHECK(info.path_mnt_mountpoint_offset == -8);
    CHECK(info.panda_module_size_offset == 136);
    CHECK_FALSE(info.task_thread_group_offset);
}

}  // namespace

TEST_CASE("a group is made from a kernel's ELF file") {
    check_sample(make_kernel_info(KernelImage(sample_elf(), "vmlinux"), {}));
}

TEST_CASE("a group is made from a bzImage") {
    const Bytes elf = sample_elf();
    ByteWriter payload;
    payload.put_bytes(compress(elf, 3));
    payload.put(static_cast<uint32_t>(elf.size()));
    check_sample(make_kernel_info(KernelImage(test::build_bzimage(payload.bytes()), "vmlinuz"), {}));
    check_sample(make_kernel_info(KernelImage(test::build_bzimage(elf), "vmlinuz"), {}));
}

TEST_CASE("a group is made from a kernel in memory, wherever KASLR has put it") {
    for (const uint64_t slide : {uint64_t{0}, uint64_t{0x2da00000}}) {
        const LoadedKernel kernel = sample_loaded(slide);
        check_sample(make_kernel_info(kernel));
        const auto without = [&](size_t place) {
            LoadedKernel damaged = kernel;
            damaged.content[place] ^= std::byte{1};
            return make_kernel_info(damaged);
        };
        CHECK_THROWS_AS(without(btf_place), FileError);
        CHECK_THROWS_AS(without(data_start - text_start), FileError);  // the banner
        LoadedKernel cut = kernel;
        cut.content.resize(btf_place + 30);
        CHECK_THROWS_AS(make_kernel_info(cut), FileError);
        cut.content.clear();
        CHECK_THROWS_AS(make_kernel_info(cut), FileError);
    }
}

TEST_CASE("a damaged kernel in memory is refused or harmless") {
    std::mt19937 random(3);
    const LoadedKernel kernel = sample_loaded(0);
    const size_t btf_size = sample_btf().size();
    const size_t kallsyms_size = sample_kallsyms(0).size();
    unsigned refused = 0;
    unsigned right = 0;
    for (unsigned round = 0; round < 300; ++round) {
        LoadedKernel damaged = kernel;
        for (unsigned flips = 0; flips < 3; ++flips) {
            const size_t place = random() % 2 == 0 ? btf_place + random() % btf_size
                                                   : kallsyms_place + random() % kallsyms_size;
            damaged.content[place] ^= std::byte(1u << random() % 8);
        }
        try {
            right += make_kernel_info(damaged).task_comm_offset == 64;
        } catch (const FileError&) {
            ++refused;
        }
    }
    CHECK(refused > 0);
    CHECK(right > 0);
}

TEST_CASE("what is not a kernel, or lacks something, is refused") {
    CHECK_THROWS_AS(KernelImage({}, "empty"), FileError);
    CHECK_THROWS_AS(KernelImage(Bytes(5000, std::byte{'x'}), "text"), FileError);
    CHECK_THROWS_AS(KernelImage(test::build_bzimage(test::bytes_of("neither ELF nor compressed")), "bad"),
                    FileError);
    const auto without = [](const std::string& name) {
        Bytes elf = sample_elf();
        const auto at = std::search(elf.begin(), elf.end(), name.begin(), name.end(),
                                    [](std::byte a, char b) { return static_cast<char>(a) == b; });
        REQUIRE(at != elf.end());
        *at = std::byte{'X'};
        return make_kernel_info(KernelImage(std::move(elf), "vmlinux"), {});
    };
    CHECK_THROWS_AS(without("Linux version"), FileError);
    CHECK_THROWS_AS(without(".BTF"), FileError);
    CHECK_THROWS_AS(without("task_struct"), FileError);
}

TEST_CASE("damaged kernels are refused or harmless") {
    const Bytes elf = sample_elf();
    ByteWriter payload;
    payload.put_bytes(compress(elf, 3));
    payload.put(static_cast<uint32_t>(elf.size()));
    const Bytes image = test::build_bzimage(payload.bytes());
    std::mt19937 random(1);
    unsigned refused = 0;
    unsigned right = 0;
    for (unsigned round = 0; round < 1000; ++round) {
        Bytes damaged = round % 2 == 0 ? elf : image;
        if (round % 10 < 2)
            damaged.resize(random() % damaged.size());
        for (unsigned flips = random() % 3 + 1; flips > 0 && !damaged.empty(); --flips) {
            // Headers are few; hit them as often as the rest.
            const size_t range = random() % 2 == 0 ? std::min<size_t>(damaged.size(), 1100) : damaged.size();
            damaged[random() % range] ^= std::byte(1u << random() % 8);
        }
        try {
            right += make_kernel_info(KernelImage(std::move(damaged), "damaged"), {}).task_comm_offset == 64;
        } catch (const Error&) {
            ++refused;
        }
    }
    CHECK(refused > 0);
    CHECK(right > 0);
}

TEST_CASE("banners are taken apart, and others refused") {
    CHECK(parse_banner(banner).release == "6.1.0-56-cloud-amd64");
    CHECK(parse_banner(banner).version == "#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)");
    for (const char* text :
         {"", "Linux version ", "Linux version 6.1 # SMP\n", "Linux version %s (%s)\n",
          "Linux version 6.1\n #1 SMP", "linux version 6.1 #1 SMP\n", "Linux version \x01 #1\n"})
        CHECK_THROWS_AS(parse_banner(text), Error);
}

// This program's own debugging information is the sample: its CMake target is always compiled with -g.
struct DwarfSample {
    char first;
    struct {
        int low : 5;
        int high : 9;
        union {
            long alias;
            char text[24];
        };
    } inner;
    struct Item {
        short a, b;
    } items[3];
};
DwarfSample dwarf_sample{};

TEST_CASE("DWARF gives sizes and places of members") {
    dwarf_sample.first = 1;
    const MappedFile self("/proc/self/exe");
    const DwarfTypes types(self.bytes());
    CHECK(types.struct_size("DwarfSample") == sizeof(DwarfSample));
    CHECK(types.member("DwarfSample", "inner")->offset == offsetof(DwarfSample, inner));
    CHECK(types.member("DwarfSample", "inner.high")->offset == offsetof(DwarfSample, inner));
    CHECK(types.member("DwarfSample", "inner.alias")->offset == offsetof(DwarfSample, inner.alias));
    CHECK(types.member("DwarfSample", "inner.text")->size == 24);
    CHECK(types.member("DwarfSample", "items")->size == 12);
    CHECK(types.member("DwarfSample", "items.b")->offset == offsetof(DwarfSample, items) + 2);
    CHECK_FALSE(types.member("DwarfSample", "nothing"));
    CHECK_FALSE(types.struct_size("NoSuchStruct"));
    CHECK_THROWS_AS(DwarfTypes(sample_elf()), Error);
}
