// Open files of processes, on a guest made by hand.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <memory>
#include <random>

#include "osi/cpu_point.h"
#include "osi/osi_linux.h"
#include "osi_memory_guest.h"

using namespace panda::osi;
using namespace panda::osi::linux_guest;
using namespace panda::osi::test;
using Catch::Matchers::ContainsSubstring;

namespace {

struct FilesGuest : MemoryGuest {
    FilesGuest() {
        add_file(1, 0, 1);
        open_file(0, 0, 6);
        open_file(31, 1, uint64_t{1} << 40);
    }
    OsiLinux provider() const { return OsiLinux(info, Attachment{0, FakeGuest::top_table}); }
    List<OpenFile> list() const { return provider().files(point(), handle()); }
};

}  // namespace

TEST_CASE_METHOD(FilesGuest, "open files by number, with name and position") {
    const auto found = list();
    CHECK(found.warning.empty());
    REQUIRE(found.entries.size() == 2);
    CHECK(found.entries[0] == OpenFile{0, base + files, "/mnt/dir/file", 6});
    CHECK(found.entries[1].fd == 31);
    CHECK(found.entries[1].position == uint64_t{1} << 40);
    CHECK(provider().file(point(), handle(), 31) == found.entries[1]);
    for (const int64_t closed : {-1, 1, 32, 1 << 30})
        CHECK_FALSE(provider().file(point(), handle(), closed));
}

TEST_CASE_METHOD(FilesGuest, "names are given byte for byte") {
    memory.put_text(names + 4 * 0x40, "a\nb\xc3\xbc\xff");
    CHECK(list().entries[0].name == "/mnt/dir/a\nb\xc3\xbc\xff");
}

TEST_CASE_METHOD(FilesGuest, "a process that has ended has no files") {
    memory.put<uint64_t>(init_task + process * 0x200 + 96, 0);
    CHECK(list().entries.empty());
    CHECK(list().warning.empty());
}

TEST_CASE_METHOD(FilesGuest, "damaged tables give what can be read, and a warning") {
    SECTION("an address that is not a file's") {
        memory.put<uint64_t>(tables + 0x80 + 8, 0x1234);
        CHECK(list().entries.size() == 2);
        CHECK_THAT(list().warning, ContainsSubstring("some cannot be read"));
    }
    SECTION("a table of absurd size") {
        memory.put<uint32_t>(tables + 0x40, 0xffffffff);
        CHECK_THAT(list().warning, ContainsSubstring("incomplete"));
    }
    SECTION("a table full of nonsense") {
        memory.put<uint32_t>(tables + 0x40, 1 << 20);
        for (unsigned fd = 0; fd < 32; ++fd)
            memory.put(tables + 0x80 + fd * 8, base + 0x40000000);
        CHECK(list().entries.empty());
        CHECK_FALSE(list().warning.empty());
    }
}

TEST_CASE_METHOD(FilesGuest, "a namespace that is mounted somewhere has a path") {
    const uint64_t root = dentries + 2 * 0x80;
    memory.put(root + 32, base + others);  // d_op
    memory.put(others + 0x10, base);       // d_dname
    add_file(2, 1, 2);
    open_file(5, 2, 0);
    CHECK(provider().file(point(), handle(), 5)->name == "/mnt");
}

TEST_CASE_METHOD(FilesGuest, "files through the C API") {
    const OsiOwner osi(osi_new());
    CPUState cpu{point(), osi.get()};
    OsiProc asked{handle().task, 0, 7, 0, nullptr, nullptr};
    CHECK(osi_linux_fd_to_filename(&cpu, &asked, 0) == nullptr);
    CHECK(osi_linux_fd_to_pos(&cpu, &asked, 0) == ~0ULL);
    register_provider(*osi, std::make_shared<OsiLinux>(provider()));
    char* name = osi_linux_fd_to_filename(&cpu, &asked, 0);
    REQUIRE(name != nullptr);
    CHECK(std::string(name) == "/mnt/dir/file");
    g_free(name);
    CHECK(osi_linux_fd_to_pos(&cpu, &asked, 31) == 1ULL << 40);
    CHECK(osi_linux_fd_to_filename(&cpu, &asked, 3) == nullptr);
    CHECK(osi_linux_fd_to_pos(&cpu, &asked, 3) == ~0ULL);
    CHECK(osi_linux_fd_to_filename(&cpu, nullptr, 0) == nullptr);
    CHECK(osi_linux_fd_to_filename(&cpu, &asked, -1) == nullptr);
}

TEST_CASE("files of flipped bits never stop the walk or break it") {
    std::mt19937 random(2);
    unsigned whole = 0;
    unsigned incomplete = 0;
    size_t most = 0;
    for (unsigned round = 0; round < 2000; ++round) {
        FilesGuest guest;
        const OsiLinux provider = guest.provider();
        for (unsigned flips = 20; flips > 0; --flips)
            guest.memory.bytes[0x92000 + random() % 5 * 0x1000 + random() % 0x1000] ^=
                std::byte(1u << random() % 8);
        const auto found = provider.files(guest.point(), guest.handle());
        whole += found.warning.empty() && found.entries.size() == 2;
        incomplete += !found.warning.empty();
        most = std::max(most, found.entries.size());
    }
    // Most damage is where nothing looks; what is found never grows without bound.
    CHECK(whole > 1000);
    CHECK(incomplete > 300);
    CHECK(most <= 2);
}
