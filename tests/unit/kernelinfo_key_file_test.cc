#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <random>
#include <sstream>

#include "common/error.h"
#include "kernelinfo/key_file.h"
#include "kernelinfo/keys.h"

using namespace panda;
using namespace panda::kernelinfo;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;

namespace {

// As the manual of PANDA's osi_linux shows it.
constexpr const char* old_group =
    "[debian:4.9.0-6-686-pae:32]\n"
    "name = 4.9.0-6-686-pae|#1 SMP Debian 4.9.82-1+deb9u3 (2018-03-02)|i686\n"
    "version.a = 4\n"
    "version.b = 9\n"
    "version.c = 88\n"
    "task.init_addr = 3245807232\n"
    "#task.init_addr = 0xC1771680\n"
    "#task.per_cpu_offset_0 = 0x36127000\n"
    "task.per_cpu_offset_0 = 907177984\n"
    "#task.current_task_addr = 0xC18C3208\n"
    "task.current_task_addr = 3247190536\n"
    "task.tasks_offset = 708\n"
    "path.mnt_parent_offset = -8\n"
    "some.future_key = whatever\n";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    text.replace(text.find(from), from.size(), to);
    return text;
}

}  // namespace

TEST_CASE("a group of PANDA's is read") {
    const KeyFile file(std::string("[other]\nname = x\n") + old_group, "test.conf");
    CHECK(file.groups() == std::vector<std::string>{"other", "debian:4.9.0-6-686-pae:32"});
    const KernelInfo info = file.read("debian:4.9.0-6-686-pae:32");
    CHECK(info.release() == "4.9.0-6-686-pae");
    CHECK(info.version() == "#1 SMP Debian 4.9.82-1+deb9u3 (2018-03-02)");
    CHECK(info.pointer_size() == 4);
    CHECK(info.version_b == 9);
    CHECK(info.task_init_addr == 0xc1771680);
    CHECK(info.task_per_cpu_offset_0_addr == 0x36127000);
    CHECK(info.task_current_task_addr == 0xc18c3208);
    CHECK(info.task_tasks_offset == 708);
    CHECK(info.path_mnt_parent_offset == -8);
    CHECK_FALSE(info.task_pid_offset);
    CHECK(info.need(&KernelInfo::task_tasks_offset) == 708);
}

TEST_CASE("what is missing or wrong is named") {
    const KeyFile file(old_group, "test.conf");
    CHECK_THROWS_MATCHES(file.read("debian"), FileError,
                         MessageMatches(ContainsSubstring("no group [debian]") &&
                                        ContainsSubstring("debian:4.9.0-6-686-pae:32")));
    const KernelInfo info = file.read("debian:4.9.0-6-686-pae:32");
    CHECK_THROWS_MATCHES(info.need(&KernelInfo::task_pid_offset), FileError,
                         MessageMatches(ContainsSubstring(
                             "test.conf: group [debian:4.9.0-6-686-pae:32]: key task.pid_offset")));
    const auto read = [](const std::string& text) {
        return KeyFile(text, "test.conf").read("debian:4.9.0-6-686-pae:32");
    };
    for (const char* value : {"seven", "7x", "", "99999999999", "-99999999999", "0x"})
        CHECK_THROWS_MATCHES(read(replaced(old_group, "= 708", std::string("= ") + value)), FileError,
                             MessageMatches(ContainsSubstring("key task.tasks_offset")));
    CHECK_THROWS_MATCHES(read(replaced(old_group, "name = ", "nome = ")), FileError,
                         MessageMatches(ContainsSubstring("key name is missing")));
    CHECK_THROWS_AS(read(replaced(old_group, "|i686", "|mips")).pointer_size(), FileError);
    CHECK_THROWS_AS(KeyFile("no group\n", "test.conf"), FileError);
    CHECK_THROWS_AS(KeyFile(std::string_view("[a]\n\0", 5), "test.conf"), FileError);
    CHECK(KeyFile("", "test.conf").groups().empty());
}

TEST_CASE("what is written reads the same") {
    KernelInfo info;
    info.group = "linux:1.2.3:64";
    info.name = "1.2.3|#1 SMP|x86_64";
    uint64_t number = 0xffffffff81000000;
    int64_t offset = -16;
    for (const Key& key : keys()) {
        if (const auto* address = std::get_if<Address KernelInfo::*>(&key.field))
            info.** address = number++;
        else
            info.*std::get<Offset KernelInfo::*>(key.field) = offset++;
    }
    std::ostringstream text;
    write_group(text, info);
    CHECK_THAT(text.str(), ContainsSubstring("task.init_addr = 18446744071578845184\n"
                                             "#task.init_addr = 0xFFFFFFFF81000000\n"));
    const KernelInfo again = KeyFile(text.str(), "test.conf").read(info.group);
    CHECK(again.name == info.name);
    for (const Key& key : keys()) {
        INFO(key.name);
        if (const auto* address = std::get_if<Address KernelInfo::*>(&key.field))
            CHECK(again.**address == info.**address);
        else
            CHECK(again.*std::get<Offset KernelInfo::*>(key.field) ==
                  info.*std::get<Offset KernelInfo::*>(key.field));
    }
}

TEST_CASE("damaged key files are refused or harmless") {
    std::mt19937 random(1);
    unsigned refused = 0;
    unsigned read = 0;
    for (unsigned round = 0; round < 5000; ++round) {
        std::string text = old_group;
        for (unsigned flips = random() % 4 + 1; flips > 0; --flips)
            text[random() % text.size()] ^= static_cast<char>(1u << random() % 8);
        try {
            const KeyFile file(text, "test.conf");
            for (const std::string& group : file.groups())
                read += file.read(group).pointer_size() == 4;
        } catch (const Error&) {
            ++refused;
        }
    }
    CHECK(refused > 0);
    CHECK(read > 0);
}
