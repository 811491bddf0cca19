// Who owns a process and what it was started with, on a guest made by hand.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <random>

#include "common/error.h"
#include "osi_memory_guest.h"

using namespace panda::osi;
using namespace panda::osi::linux_guest;
using namespace panda::osi::test;
using Catch::Matchers::ContainsSubstring;
using Texts = std::vector<std::string>;

namespace {

constexpr uint64_t user = 0x400000;  // virtual address of physical 0 in the process
constexpr uint64_t stack = 0xa0000;  // physical
constexpr uint64_t credentials = 0xb0000;
constexpr uint64_t fs = 0xb0100;

struct DetailsGuest : MemoryGuest {
    uint64_t task = init_task + process * 0x200;

    DetailsGuest() {
        // The process's page table: one page of 2 MiB at `user`, of which 1 MiB is memory.
        const uint64_t top = 0x80000 + process * 0x1000;
        memory.put<uint64_t>(top, 0x15003);
        memory.put<uint64_t>(0x15000, 0x16003);
        memory.put<uint64_t>(0x16000 + 2 * 8, 0x83);
        info.mm_arg_start_offset = 0x28;
        info.panda_mm_arg_end_offset = 0x30;
        info.panda_mm_env_start_offset = 0x30;
        info.panda_mm_env_end_offset = 0x38;
        set_texts(std::string("cat\0\0two words\0", 15), std::string("A=1\0EMPTY=\0", 11));
    }
    void set_texts(const std::string& arguments, const std::string& environment) {
        const std::string text = arguments + environment;
        std::memcpy(memory.bytes.data() + stack, text.data(), text.size());
        memory.put(mm + 0x28, user + stack);
        memory.put(mm + 0x30, user + stack + arguments.size());
        memory.put(mm + 0x38, user + stack + text.size());
    }
    OsiLinux provider() const { return OsiLinux(info, Attachment{0, FakeGuest::top_table}); }
    List<std::string> arguments() const { return provider().arguments(point(), handle()); }
    List<std::string> environment() const { return provider().environment(point(), handle()); }
};

}  // namespace

TEST_CASE_METHOD(DetailsGuest, "arguments and environment, empty ones too") {
    CHECK(arguments().entries == Texts{"cat", "", "two words"});
    CHECK(arguments().warning.empty());
    CHECK(environment().entries == Texts{"A=1", "EMPTY="});
    CHECK(environment().warning.empty());
}

TEST_CASE_METHOD(DetailsGuest, "a title that a program wrote over its arguments, into the environment") {
    set_texts("nginx: master", std::string(" process\0A=1\0", 13));
    CHECK(arguments().entries == Texts{"nginx: master process"});
}

TEST_CASE_METHOD(DetailsGuest, "what is not in memory is said to be missing") {
    memory.put<uint64_t>(mm + 0x38, user + (uint64_t{1} << 20) + 5);
    CHECK_THAT(environment().warning, ContainsSubstring("not present"));
    CHECK(environment().entries.at(0) == "A=1");
    memory.put<uint64_t>(mm + 0x38, ~uint64_t{0});
    CHECK(environment().entries.empty());
    CHECK_THAT(environment().warning, ContainsSubstring("has no address"));
    memory.put<uint64_t>(mm + 0x38, 0);
    CHECK_THAT(environment().warning, ContainsSubstring("has no address"));
}

TEST_CASE_METHOD(DetailsGuest, "kernel threads were started with nothing") {
    const ProcessHandle idle{task_address(0), 0};
    CHECK(provider().arguments(point(), idle).entries.empty());
    CHECK(provider().environment(point(), idle).warning.empty());
    CHECK(provider().details(point(), idle).executable.empty());
}

TEST_CASE_METHOD(DetailsGuest, "a group that lacks the end of the arguments is named") {
    info.group = "old";
    info.panda_mm_arg_end_offset.reset();
    CHECK_THROWS_WITH(arguments(),
                      ContainsSubstring("[old]") && ContainsSubstring("panda.mm.arg_end_offset"));
}

TEST_CASE_METHOD(DetailsGuest, "user, start, executable and working directory") {
    CHECK(provider().details(point(), handle()) == ProcessDetails{});  // the group has none of the keys
    info.task_real_cred_offset = 0x68;
    info.cred_uid_offset = 4;
    info.cred_gid_offset = 8;
    info.cred_euid_offset = 12;
    info.cred_egid_offset = 16;
    info.task_start_time_offset = 0x70;
    info.panda_mm_exe_file_offset = 0x20;
    info.panda_task_fs_offset = 0x78;
    info.panda_fs_pwd_offset = 16;
    info.panda_path_mnt_offset = 0;
    info.panda_path_dentry_offset = 8;
    memory.put(task + 0x68, base + credentials);
    for (uint32_t i = 1; i <= 4; ++i)
        memory.put<uint32_t>(credentials + i * 4, 1000 + i);
    memory.put<uint64_t>(task + 0x70, 12'000'000'345);
    memory.put(mm + 0x20, base + files);
    memory.put(task + 0x78, base + fs);
    memory.put(fs + 16, vfsmount(1));
    memory.put(fs + 24, base + dentries + 3 * 0x80);
    ProcessDetails wanted{1001, 1002, 1003, 1004, 12'000'000'345, "/mnt/dir/file", "/mnt/dir"};
    CHECK(provider().details(point(), handle()) == wanted);
    info.panda_task_start_boottime_offset = 0x80;
    memory.put<uint64_t>(task + 0x80, 77);
    wanted.start_time = 77;
    CHECK(provider().details(point(), handle()) == wanted);
    memory.put<uint64_t>(task + 0x68, 0x1234);
    CHECK_FALSE(provider().details(point(), handle()).uid);
}
