// What panda-record derives from its command line, without starting QEMU.
#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "common/error.h"
#include "recorder/cli/agent.h"
#include "recorder/cli/copy_in.h"
#include "recorder/cli/locate.h"
#include "recorder/cli/machine.h"
#include "recorder/cli/options.h"

using namespace panda;
using namespace panda::record;
using Catch::Matchers::ContainsSubstring;
namespace fs = std::filesystem;

namespace {

// A directory that is removed with the test.
struct ScratchDirectory {
    ScratchDirectory() {
        std::string name = (fs::temp_directory_path() / "panda-test-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~ScratchDirectory() { fs::remove_all(path); }
    fs::path path;
};

void write_file(const fs::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

std::optional<Options> parse(std::vector<std::string> words) {
    words.insert(words.begin(), "panda-record");
    std::vector<char*> arguments;
    for (std::string& word : words)
        arguments.push_back(word.data());
    return parse_options(static_cast<int>(arguments.size()), arguments.data());
}

// From path to content; directories have the content "/".
std::map<std::string, std::string> unpack(const std::string& bytes) {
    std::map<std::string, std::string> files;
    archive* reader = archive_read_new();
    archive_read_support_format_cpio(reader);
    REQUIRE(archive_read_open_memory(reader, bytes.data(), bytes.size()) == ARCHIVE_OK);
    archive_entry* entry = nullptr;
    while (archive_read_next_header(reader, &entry) == ARCHIVE_OK) {
        REQUIRE(archive_entry_uid(entry) == 0);
        std::string content(static_cast<size_t>(archive_entry_size(entry)), '\0');
        REQUIRE(archive_read_data(reader, content.data(), content.size()) ==
                static_cast<la_ssize_t>(content.size()));
        files[archive_entry_pathname(entry)] = archive_entry_filetype(entry) == AE_IFDIR ? "/" : content;
    }
    archive_read_free(reader);
    return files;
}

std::vector<std::string> user_command(const std::vector<std::string>& arguments) {
    return user_machine_command("qemu", {.engine = "engine.so"}, arguments);
}

}  // namespace

TEST_CASE("memory sizes") {
    CHECK(parse_memory("512") == uint64_t{512} << 20);
    CHECK(parse_memory("512M") == uint64_t{512} << 20);
    CHECK(parse_memory("2G") == uint64_t{2} << 30);
    CHECK(parse_memory("1024g") == uint64_t{1} << 40);
    CHECK(parse_memory("0100M") == uint64_t{100} << 20);
    CHECK(parse_memory("0x40M") == uint64_t{64} << 20);
    for (const char* text :
         {"", "M", "31", "1025G", "-1", "1.5G", "512K", "512MB", "99999999999999999999", "1048577"}) {
        INFO(text);
        CHECK_THROWS_AS(parse_memory(text), UsageError);
    }
}

TEST_CASE("the option --copy-in takes HOST:GUEST") {
    CHECK(parse_copy_in("a/b:/c").host == "a/b");
    CHECK(parse_copy_in("a/b:/c").guest == "/c");
    CHECK(parse_copy_in("a/b:/c/").guest == "/c/b");
    CHECK(parse_copy_in("odd:name:/c").host == "odd:name");
    CHECK(parse_copy_in("x:/opt/../etc/y").guest == "/etc/y");
    for (const char* text : {"", "a", ":/b", "a:", "a:b", "a:/proc/x", "a:/dev", "a:/x/../sys/y", "/:/"}) {
        INFO(text);
        CHECK_THROWS_AS(parse_copy_in(text), UsageError);
    }
}

TEST_CASE("copied files arrive with their parents") {
    const ScratchDirectory scratch;
    fs::create_directory(scratch.path / "tree");
    write_file(scratch.path / "tree/empty", "");
    write_file(scratch.path / "tree/three", "abc");
    const std::string big(3 << 20, 'x');
    write_file(scratch.path / "big", big);
    const std::string archive = copy_in_archive(
        {{(scratch.path / "tree").string(), "/opt/deep/tree"}, {(scratch.path / "big").string(), "/tmp/big"}},
        uint64_t{16} << 20);
    const std::map<std::string, std::string> expected = {{"opt", "/"},
                                                         {"opt/deep", "/"},
                                                         {"opt/deep/tree", "/"},
                                                         {"opt/deep/tree/empty", ""},
                                                         {"opt/deep/tree/three", "abc"},
                                                         {"tmp/big", big}};
    CHECK(unpack(archive) == expected);
    CHECK(archive == copy_in_archive({{(scratch.path / "tree").string(), "/opt/deep/tree"},
                                      {(scratch.path / "big").string(), "/tmp/big"}},
                                     uint64_t{16} << 20));
    CHECK_THROWS_WITH(copy_in_archive({{(scratch.path / "big").string(), "/big"}}, 1 << 20),
                      ContainsSubstring("does not fit"));
    CHECK_THROWS_AS(copy_in_archive({{(scratch.path / "nothing").string(), "/x"}}, 1 << 20), FileError);
    CHECK_THROWS_WITH(copy_in_archive({{"/dev/null", "/x"}}, 1 << 20), ContainsSubstring("neither a file"));
}

TEST_CASE("the guest's shell runs the words as they were given") {
    const std::vector<std::string> words = {"printf", "<%s>",  "a b",         "it's", "$HOME",
                                            "",       "\"q\"", "back\\slash", "x\ny", "*"};
    const ScratchDirectory scratch;
    write_file(scratch.path / "script", shell_script(words));
    FILE* pipe = popen(("sh " + (scratch.path / "script").string()).c_str(), "r");
    REQUIRE(pipe != nullptr);
    std::string output(4096, '\0');
    output.resize(fread(output.data(), 1, output.size(), pipe));
    CHECK(pclose(pipe) == 0);
    std::string expected;
    for (size_t i = 2; i < words.size(); i++)
        expected += "<" + words[i] + ">";
    CHECK(output == expected);
}

TEST_CASE("a machine of the user's own gets the engine and a single-threaded translator") {
    const std::vector<std::string> command =
        user_command({"-m", "1G", "-smp", "1", "-accel", "tcg,thread=multi", "-monitor", "stdio"});
    CHECK(command[0] == "qemu");
    CHECK(command[1] == "-panda");
    CHECK(command[2] == "engine.so");
    CHECK(std::count(command.begin(), command.end(), "-accel") == 1);
    CHECK(std::count(command.begin(), command.end(), "tcg,thread=single") == 1);
    CHECK(std::vector<std::string>(command.end() - 6, command.end()) ==
          std::vector<std::string>{"-m", "1G", "-smp", "1", "-monitor", "stdio"});
}

TEST_CASE("what cannot be recorded is refused") {
    for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
             {"-smp", "2"},
             {"--smp", "cpus=4"},
             {"-smp", "1,maxcpus=2"},
             {"-enable-kvm"},
             {"--enable-kvm"},
             {"-accel", "kvm"},
             {"-m", "1G", "-machine", "q35,accel=kvm"},
             {"-M", "pc,accel=kvm:tcg"},
             {"-netdev", "tap,id=n,vhost=on"},
             {"-device", "vhost-vsock-pci,guest-cid=3"},
             {"-chardev", "socket,id=c", "-device", "vhost-user-fs-pci,chardev=c"},
             {"-device", "vfio-pci,host=01:00.0"},
             {"-device", "qxl-vga"},
             {"-vga", "qxl"},
             {"-spice", "port=1"},
             {"-device", "virtio-vga-gl"},
             {"-object", "iothread,id=i"},
             {"-icount", "shift=0"}}) {
        INFO(arguments[0]);
        CHECK_THROWS_AS(user_command(arguments), UsageError);
    }
    CHECK_NOTHROW(user_command({"-smp", "cpus=1,sockets=1", "-M", "q35", "-name", "kvm"}));
    CHECK_NOTHROW(
        user_command({"-device", "virtio-vga", "-netdev", "user,id=vhost", "-object", "rng-random,id=qxl"}));
}

TEST_CASE("the engine's option names the file, commas doubled") {
    CHECK(recording_arguments({.engine = "/a,b.so"}) == std::vector<std::string>{"-panda", "/a,,b.so"});
    CHECK(recording_arguments({.engine = "e.so", .file = "x,y.panda", .force = true}) ==
          std::vector<std::string>{"-panda", "e.so,record=x,,y.panda,force=on"});
    CHECK(launch::escape_commas("a,b,,c") == "a,,b,,,,c");
}

TEST_CASE("the command line's modes and what they refuse") {
    const ScratchDirectory scratch;
    const std::string fresh = (scratch.path / "fresh.panda").string();
    const std::string existing = (scratch.path / "existing.panda").string();
    write_file(existing, "a recording");

    const auto options = parse({"-o", fresh, "-m", "1G", "--net", "--", "ls", "-l", "--", "x"});
    REQUIRE(options);
    CHECK(options->mode == Mode::command);
    CHECK(options->command == std::vector<std::string>{"ls", "-l", "--", "x"});
    CHECK(options->memory == uint64_t{1} << 30);
    CHECK(options->network);
    CHECK(parse({"-o", fresh, "--boot"})->mode == Mode::boot);
    CHECK(parse({"--vm", "--", "-m", "1G"})->mode == Mode::user_machine);

    CHECK_THROWS_WITH(parse({"-o", existing, "--boot"}), ContainsSubstring("already exists"));
    CHECK(parse({"-o", existing, "-f", "--boot"})->force);
    CHECK_THROWS_WITH(parse({"-o", scratch.path.string(), "-f", "--boot"}),
                      ContainsSubstring("is a directory"));
    CHECK_THROWS_WITH(parse({"-o", (scratch.path / "no/where").string(), "--boot"}),
                      ContainsSubstring("does not exist"));
    CHECK_THROWS_AS(parse({"-o", fresh}), UsageError);
    CHECK_THROWS_AS(parse({"--", "ls"}), UsageError);
    CHECK_THROWS_AS(parse({"-o", fresh, "--boot", "--", "ls"}), UsageError);
    CHECK_THROWS_AS(parse({"-o", fresh, "--boot", "--vm", "--", "ls"}), UsageError);
    CHECK_THROWS_AS(parse({"--vm", "--net", "--", "-m", "1G"}), UsageError);
    CHECK_THROWS(parse({"-o", fresh, "ls"}));
    CHECK_THROWS(parse({"-o", fresh, "-smp", "2", "--", "ls"}));
}

TEST_CASE("a missing QEMU or guest is named, with what to do") {
    CHECK_THROWS_WITH(launch::find_qemu("/nonexistent"), ContainsSubstring("/nonexistent (--qemu)"));
    CHECK_THROWS_WITH(launch::find_qemu("/etc/passwd"), ContainsSubstring("is not a program"));
    CHECK_THROWS_WITH(launch::find_guest("/nonexistent"), ContainsSubstring("tools/guest/build.sh"));
    CHECK_THROWS_WITH(launch::find_engine("no-such-engine.so"), ContainsSubstring("no-such-engine.so"));
}
