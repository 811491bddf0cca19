// Mappings of processes and the names of their files, on a guest made by hand.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <random>

#include "osi_memory_guest.h"

using namespace panda::osi;
using namespace panda::osi::linux_guest;
using Catch::Matchers::ContainsSubstring;
using namespace panda::osi::test;

namespace {

void check_areas(const MemoryGuest& guest) {
    const auto list = guest.mappings();
    CHECK(list.warning.empty());
    REQUIRE(list.entries.size() == 3);
    CHECK(list.entries[0].start == 0x400000);
    CHECK(list.entries[0].permissions == "r-xp");
    CHECK(list.entries[0].offset == 0x3000);
    CHECK(list.entries[0].name == "/mnt/dir/file");
    CHECK(list.entries[1].end == 0x600000);
    CHECK(list.entries[1].permissions == "rw-p");
    CHECK(list.entries[1].name == "[heap]");
    CHECK(list.entries[2].descriptor == base + areas + 0x80);
    CHECK(list.entries[2].permissions == "---s");
    CHECK(list.entries[2].name.empty());
}

}  // namespace

TEST_CASE("memory areas on a list") {
    MemoryGuest guest;
    make_list(guest);
    check_areas(guest);
    guest.memory.put(areas + 0x80 + 32, base + areas);
    CHECK_THAT(guest.mappings().warning, ContainsSubstring("circle"));
    guest.memory.put<uint64_t>(areas + 32, 0x1000);
    CHECK(guest.mappings().entries.size() == 1);
}

TEST_CASE("anonymous memory that a program has named") {
    MemoryGuest guest;
    make_list(guest);
    guest.info.panda_vma_anon_name_offset = 48;
    guest.info.panda_anon_vma_name_name_offset = 4;
    guest.memory.put(areas + 0x80 + 48, base + areas + 0x200);
    guest.memory.put_text(areas + 0x200 + 4, "arena");
    CHECK(guest.mappings().entries[2].name == "[anon:arena]");
    // For an area of another kind, the same place is not a name.
    guest.memory.put<uint64_t>(areas + 0x80 + 48, 0x1234);
    CHECK(guest.mappings().entries[2].name.empty());
}

TEST_CASE("memory areas in a maple tree") {
    MemoryGuest guest;
    make_tree(guest);
    check_areas(guest);
    SECTION("a tree that contains itself") {
        guest.memory.put(nodes + 88, base + nodes + (3 << 3 | 6));
        const auto list = guest.mappings();
        CHECK(list.entries.size() == 2);
        CHECK_THAT(list.warning, ContainsSubstring("circle"));
    }
    SECTION("an entry that is not a node") {
        guest.memory.put<uint64_t>(nodes + 80, 0x1234);
        CHECK_THAT(guest.mappings().warning, ContainsSubstring("incomplete"));
    }
    SECTION("an empty tree") {
        guest.memory.put<uint64_t>(guest.mm + 16, 0);
        CHECK(guest.mappings().entries.empty());
        CHECK(guest.mappings().warning.empty());
    }
}

TEST_CASE("kernel threads have no mappings") {
    MemoryGuest guest;
    make_list(guest);
    const unsigned thread = guest.add_process(8, 0, "kthread", false);
    const OsiLinux provider(guest.info, guest.point());
    const auto list = provider.mappings(guest.point(), {guest.task_address(thread), 0});
    CHECK(list.entries.empty());
    CHECK(list.warning.empty());
}

TEST_CASE("paths go through mounts; what is gone or in no directory says so") {
    MemoryGuest guest;
    CHECK(guest.path(0) == "/mnt/dir/file");
    guest.add_file(1, 0, 0);
    CHECK(guest.path(1) == "/");
    guest.info.panda_mount_mnt_offset = 32;
    CHECK(guest.path(0) == "/mnt/dir/file");
    guest.memory.put<uint64_t>(dentries + 4 * 0x80 + 40, 0);
    CHECK(guest.path(0) == "/mnt/dir/file (deleted)");

    const uint64_t dentry = dentries + 4 * 0x80;
    guest.memory.put(dentry + 32, base + others);          // d_op
    guest.memory.put(others + 0x10, base);                 // d_dname
    guest.memory.put(dentry + 48, base + others + 0x100);  // d_inode
    guest.memory.put<uint64_t>(others + 0x108, 4711);
    guest.memory.put(dentry + 56, base + others + 0x200);  // d_sb
    guest.memory.put(others + 0x208, base + others + 0x300);
    guest.memory.put(others + 0x300, base + others + 0x400);
    guest.memory.put_text(others + 0x400, "pipefs");
    CHECK(guest.path(0) == "pipe:[4711]");
    guest.memory.put_text(others + 0x400, "sockfs");
    CHECK(guest.path(0) == "socket:[4711]");
    guest.memory.put_text(others + 0x400, "anon_inodefs");
    CHECK(guest.path(0) == "anon_inode:file");
    guest.memory.put_text(others + 0x400, "nsfs");
    CHECK(guest.path(0) == "?:[4711]");  // the group does not say where the kind is
    guest.info.panda_inode_i_private_offset = 16;
    guest.info.panda_ns_common_ops_offset = 8;
    guest.info.panda_ns_operations_name_offset = 0;
    guest.memory.put(others + 0x110, base + others + 0x500);
    guest.memory.put(others + 0x508, base + others + 0x520);
    guest.memory.put(others + 0x520, base + others + 0x540);
    guest.memory.put_text(others + 0x540, "mnt");
    CHECK(guest.path(0) == "mnt:[4711]");
    guest.memory.put_text(others + 0x400, "tmpfs");
    CHECK(guest.path(0) == "/file (deleted)");
}

TEST_CASE("dentries and mounts in circles end") {
    MemoryGuest guest;
    guest.memory.put(dentries + 3 * 0x80, base + dentries + 4 * 0x80);  // dir in file in dir
    CHECK(guest.path(0).empty());
    MemoryGuest other;
    other.memory.put(mounts + 16, base + mounts + 0x40);  // the first mount on the second
    other.memory.put(mounts + 24, base + dentries + 2 * 0x80);
    CHECK(other.path(0).empty());
}

TEST_CASE("a process of flipped bits never stops the walk or breaks it") {
    std::mt19937 random(1);
    unsigned whole = 0;
    unsigned incomplete = 0;
    size_t most = 0;
    for (unsigned round = 0; round < 2000; ++round) {
        MemoryGuest guest;
        if (round % 2 == 0)
            make_list(guest);
        else
            make_tree(guest);
        const OsiLinux provider(guest.info, Attachment{0, FakeGuest::top_table});
        for (unsigned flips = 20; flips > 0; --flips)
            guest.memory.bytes[0x90000 + random() % 7 * 0x1000 + random() % 0x300] ^=
                std::byte(1u << random() % 8);
        const auto found = provider.mappings(guest.point(), {guest.task_address(guest.process), 0});
        whole += found.warning.empty() && found.entries.size() == 3;
        incomplete += !found.warning.empty();
        most = std::max(most, found.entries.size());
    }
    // Most damage is where nothing looks; what is found never grows without bound.
    CHECK(whole > 1500);
    CHECK(incomplete > 50);
    CHECK(most <= 8);
}
