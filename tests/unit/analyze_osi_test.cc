#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "analyzers/osi/arguments.h"
#include "analyzers/osi/file_report.h"
#include "analyzers/osi/kernelinfo_path.h"
#include "analyzers/osi/memory_report.h"
#include "analyzers/osi/open_provider.h"
#include "analyzers/osi/os_name.h"
#include "analyzers/osi/process_report.h"
#include "analyzers/osi/process_tree.h"
#include "analyzers/osi/text.h"
#include "analyzers/shared/frame.h"
#include "common/error.h"
#include "common/json_value.h"
#include "kernelinfo/key_file.h"
#include "osi/linux/osi_linux.h"
#include "osi_fake_guest.h"
#include "tests/unit/json_lines.h"
#include "tools/analyze/programs.h"
#include "trace/moment/moment.h"
#include "trace/writing/writer.h"

using namespace panda;
using namespace panda::analyze_osi;
using Catch::Matchers::ContainsSubstring;
using panda::osi::test::FakeGuest;
namespace fs = std::filesystem;

namespace {

struct TemporaryDirectory {
    fs::path path;
    TemporaryDirectory() {
        std::string name = (fs::temp_directory_path() / "panda-test-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~TemporaryDirectory() { fs::remove_all(path); }
};

void write_file(const fs::path& path, bool executable) {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << "x";
    if (executable)
        fs::permissions(path, fs::perms::owner_exec, fs::perm_options::add);
}

// A trace of 1000 instructions: at their start the first guest, at their end, unless it is cut, the second.
void write_trace(const fs::path& path, const FakeGuest& guest, const FakeGuest& last, bool finish = true) {
    trace::TraceHeader header;
    header.architecture = "x86_64";
    header.memory_blocks = {{"ram", guest.memory.bytes.size()}};
    trace::TraceWriter writer(path.string(), header);
    writer.memory_map({0, {{0, guest.memory.bytes.size(), 0, 0, trace::RangeKind::ram}}});
    const auto memory = [&](uint32_t) { return std::span<const std::byte>(guest.memory.bytes); };
    writer.snapshot(guest.cpu, memory, trace::SnapshotKind::full);
    writer.skip(1000);
    if (finish) {
        writer.snapshot(last.cpu, memory, trace::SnapshotKind::changed);
        writer.finish();
    }
}

}  // namespace

TEST_CASE("processes as a table and as JSON") {
    FakeGuest guest(0);
    guest.add_process(300, 0, "later", true);
    guest.add_process(1, 0, "in\"it", true);
    const osi::linux_guest::OsiLinux provider(guest.info, guest.point());
    auto report = make_process_report(provider, guest.point(), {.threads = true});
    report.instr = 42;
    std::ostringstream table;
    write_table(table, report);
    CHECK(table.str() ==
          "    PID    PPID    TGID  ASID        TASK              NAME\n"
          "      1       0       1  0000082000  ffff888000020400  in\"it\n"
          "    300       0     300  0000081000  ffff888000020200  later\n");
    std::ostringstream json;
    write_json(json, report);
    std::istringstream lines(json.str());
    std::string line;
    REQUIRE(std::getline(lines, line));
    const auto first = nlohmann::json::parse(line);
    CHECK(first["kind"] == "process");
    CHECK(first["instr"] == 42);
    CHECK(first["pid"] == 1);
    CHECK(first["name"] == "in\"it");
    CHECK(first["asid"] == "0x82000");
    CHECK(first["threads"][0]["tid"] == 1);
    REQUIRE(std::getline(lines, line));
    CHECK_FALSE(std::getline(lines, line));
    CHECK(make_process_report(provider, guest.point(), {.idle = true}).entries.size() == 3);
}

TEST_CASE("names that are not UTF-8 are mended in JSON") {
    using tests::broken_name;
    using tests::mended_name;
    const auto line_of = [](const auto& report) {
        std::ostringstream out;
        write_json(out, report);
        return tests::parse_lines(out.str()).at(0);
    };
    ProcessReport processes;
    processes.options = {.threads = true, .details = true, .arguments = true, .environment = true};
    ProcessEntry entry;
    entry.process = {{0xffff888000001000, 0x1000}, 7, 1, broken_name, broken_name};
    entry.threads.push_back({0xffff888000002000, 7, 8, broken_name});
    entry.details.executable = entry.details.working_directory = broken_name;
    entry.arguments = entry.environment = {broken_name};
    processes.entries.push_back(entry);
    const auto process = line_of(processes);
    for (const char* name : {"name", "title", "exe", "cwd"})
        CHECK(process[name] == mended_name);
    CHECK(process["threads"][0]["name"] == mended_name);
    CHECK(process["arguments"][0] == mended_name);
    CHECK(process["environment"][0] == mended_name);
    MappingReport mappings;
    osi::Mapping mapping;
    mapping.name = broken_name;
    mappings.processes.push_back({7, {mapping}});
    CHECK(line_of(mappings)["name"] == mended_name);
    FileReport files;
    osi::OpenFile file;
    file.name = broken_name;
    files.processes.push_back({7, {file}});
    CHECK(line_of(files)["name"] == mended_name);
    ModuleReport modules;
    osi::Module module;
    module.name = broken_name;
    modules.modules.push_back(module);
    CHECK(line_of(modules)["name"] == mended_name);
}

TEST_CASE("what a process was started with, below its row and as JSON") {
    ProcessReport report;
    report.options = {.details = true, .arguments = true, .environment = true};
    ProcessEntry entry;
    entry.process = {{0xffff888000001000, 0x1000}, 7, 1, "cat", "cat"};
    entry.details = {0, 0, 1000, 1000, 1'500'000'000, "/bin/busy box", "/"};
    entry.arguments = {"cat", "", "it's"};
    entry.environment = {"A=1"};
    report.entries.push_back(entry);
    std::ostringstream table;
    write_table(table, report);
    const std::string text = table.str();
    CHECK(text.substr(text.find('\n') + 1) ==
          "      7       1       7  0000001000  ffff888000001000  cat\n"
          "        details: uid=0 gid=0 euid=1000 egid=1000 start=1.500000000 cwd=/ exe='/bin/busy box'\n"
          "        args: cat '' 'it'\\''s'\n"
          "        env: A=1\n");
    std::ostringstream json;
    write_json(json, report);
    const auto line = nlohmann::json::parse(json.str());
    CHECK(line["euid"] == 1000);
    CHECK(line["start_ns"] == 1'500'000'000);
    CHECK(line["exe"] == "/bin/busy box");
    CHECK(line["arguments"] == nlohmann::json{"cat", "", "it's"});
    CHECK(line["environment"] == nlohmann::json{"A=1"});
}

TEST_CASE("processes as a tree") {
    const auto draw = [](std::vector<std::pair<int, int>> family) {
        std::vector<osi::Process> processes;
        for (const auto& [pid, ppid] : family)
            processes.push_back({{}, pid, ppid, "", ""});
        std::string text;
        for (const TreePlace& place : make_tree(processes))
            text += place.branch + std::to_string(processes[place.index].pid) + "\n";
        return text;
    };
    CHECK(draw({{1, 0}, {2, 0}, {5, 2}, {7, 1}, {8, 7}, {9, 1}}) ==
          "1\n"
          " \\_ 7\n"
          " |   \\_ 8\n"
          " \\_ 9\n"
          "2\n"
          " \\_ 5\n");
    CHECK(draw({{0, 0}, {1, 0}}) == "0\n \\_ 1\n");
    CHECK(draw({{3, 4}, {4, 3}}) == "3\n \\_ 4\n");  // damaged: each the other's parent
    std::vector<std::pair<int, int>> chain;
    for (int pid = 1; pid <= 20000; ++pid)
        chain.emplace_back(pid, pid - 1);
    CHECK(draw(chain).size() < 20000 * 200);
}

TEST_CASE("open files as a table and as JSON") {
    FileReport report;
    report.instr = 42;
    report.processes = {{7, {{0, 0xffff888000001000, "/tmp/new\nline", 6}, {12, 1, "pipe:[3]", 0}}},
                        {8, {{1, 2, "/\xff", 1}}}};
    std::ostringstream table;
    write_table(table, report);
    CHECK(table.str() ==
          "    PID    FD     POSITION  NAME\n"
          "      7     0            6  /tmp/new\\012line\n"
          "      7    12            0  pipe:[3]\n"
          "      8     1            1  /\\377\n");
    std::ostringstream json;
    write_json(json, report);
    std::istringstream lines(json.str());
    std::string line;
    REQUIRE(std::getline(lines, line));
    const auto first = nlohmann::json::parse(line);
    CHECK(first["kind"] == "file");
    CHECK(first["instr"] == 42);
    CHECK(first["fd"] == 0);
    CHECK(first["name"] == "/tmp/new\nline");
    CHECK(first["position"] == 6);
    REQUIRE(std::getline(lines, line));
    REQUIRE(std::getline(lines, line));
    CHECK(nlohmann::json::parse(line)["name"] == "/\xef\xbf\xbd");
}

TEST_CASE("texts of a guest cannot control a terminal") {
    CHECK(printable("plain text") == "plain text");
    CHECK(printable("\xc3\xbc") == "\xc3\xbc");
    CHECK(printable("\x1b[31m\\") == "\\033[31m\\134");
    CHECK(printable(std::string("a\0\xc3", 3)) == "a\\000\\303");
}

TEST_CASE("a process id may be left out, and old spellings do") {
    using List = std::vector<std::string>;
    CHECK(plain_arguments({"--maps", "t.capnp"}) == List{"--maps=all", "t.capnp"});
    CHECK(plain_arguments({"t", "--files"}) == List{"t", "--files=all"});
    CHECK(plain_arguments({"--files", "12", "t"}) == List{"--files", "12", "t"});
    CHECK(plain_arguments({"--maps", "all", "t"}) == List{"--maps", "all", "t"});
    CHECK(plain_arguments({"--conf", "f", "--group=g", "--kconf_file=h", "--load_now"}) ==
          List{"--kconf", "f", "--kconf-group=g", "--kconf=h", "--load-now"});
    CHECK(parse_pid("--maps", "12") == 12);
    CHECK_FALSE(parse_pid("--maps", "all"));
    CHECK_THROWS_AS(parse_pid("--maps", "12x"), UsageError);
    CHECK_THROWS_AS(parse_pid("--maps", "-1"), UsageError);
    CHECK(parse_pid("--maps", "010") == 10);
    CHECK_FALSE(analyzers::parse_moment("--at", "end"));
    CHECK(analyzers::parse_moment("--at", "0x10") == 16);
    CHECK_THROWS_AS(analyzers::parse_moment("--at", "-1"), UsageError);
}

TEST_CASE("a moment of a trace") {
    const TemporaryDirectory directory;
    FakeGuest guest(0x2da00000);
    guest.add_process(1, 0, "init", true);
    const fs::path path = directory.path / "t.capnp";
    write_trace(path, guest, guest);
    trace::TraceReader reader(path.string());
    const trace::Moment end(reader, std::nullopt);
    CHECK(end.instr() == 1000);
    const osi::Point point{&end.memory(), &end.cpu()};
    const osi::linux_guest::OsiLinux provider(guest.info, point);
    CHECK(provider.processes(point).entries.size() == 2);
}

TEST_CASE("names of operating systems, and what they fit") {
    CHECK(parse_os("linux-64-debian").bits == 64);
    CHECK(parse_os("linux_32_debian:6.1:32").bits == 32);
    CHECK(parse_os("linux_32_debian:6.1:32").variant == "debian:6.1:32");
    CHECK_THROWS_WITH(parse_os("linux-16-x"), ContainsSubstring("linux[-_]32[-_].+"));
    CHECK_THROWS_WITH(parse_os("windows-32-7"), ContainsSubstring("Linux only"));
    const OsName os = parse_os("linux-64-debian:6.1");
    CHECK(fits(os, "debian:6.1:64"));
    CHECK(fits(os, "debian:6.1"));
    CHECK_FALSE(fits(os, "debian:6.12:64"));
    const FakeGuest guest(0);
    CHECK_NOTHROW(check_os(parse_os("linux-64-fake"), guest.info, false));
    CHECK_NOTHROW(check_os(parse_os("linux-64-other"), guest.info, true));
    CHECK_THROWS_WITH(check_os(parse_os("linux-64-other"), guest.info, false), ContainsSubstring("[fake]"));
    CHECK_THROWS_WITH(check_os(parse_os("linux-32-fake"), guest.info, true), ContainsSubstring("64 bits"));
}

TEST_CASE("a kernel that is not there yet is found later, unless that is forbidden") {
    const TemporaryDirectory directory;
    FakeGuest guest(0x2da00000);
    guest.add_process(1, 0, "init", true);
    const fs::path path = directory.path / "t.capnp";
    FakeGuest early = guest;
    early.cpu.lstar = 0;
    write_trace(path, early, guest);
    ProviderOptions options;
    options.kconf = directory.path / "kernelinfo.conf";
    std::ofstream conf(options.kconf);
    kernelinfo::write_group(conf, guest.info);
    conf.close();
    trace::TraceReader reader(path.string());
    const trace::Moment start(reader, 0);
    const osi::Point point{&start.memory(), &start.cpu()};
    const auto open = [&](const trace::Moment& moment) {
        return open_provider(provider_opener(options, "t"), options.load_now, reader, moment);
    };
    const auto slide = [](const std::shared_ptr<const osi::Provider>& provider) {
        return dynamic_cast<const osi::linux_guest::OsiLinux&>(*provider).slide();
    };
    const auto provider = open(start);
    CHECK(slide(provider) == guest.slide);
    CHECK(provider->processes(point).entries.size() == 2);
    options.group = "fake";
    options.os = parse_os("linux-64-fake");
    CHECK(slide(open(start)) == guest.slide);
    options.load_now = true;
    CHECK_THROWS_WITH(open(start), ContainsSubstring("not in the guest at this moment"));
    CHECK_NOTHROW(open(trace::Moment(reader, std::nullopt)));
    options.group = "missing";
    CHECK_THROWS_WITH(open(start), ContainsSubstring("[missing]"));
}

TEST_CASE("kernelinfo.conf is next to the build or where it is installed") {
    const TemporaryDirectory directory;
    const std::string programs = directory.path / "bin";
    CHECK_THROWS_AS(default_kernelinfo(programs), Error);
    write_file(directory.path / "share" / "panda" / "kernelinfo.conf", false);
    CHECK(default_kernelinfo(programs) == (directory.path / "share/panda/kernelinfo.conf").string());
    write_file(directory.path / "kernelinfo.conf", false);
    CHECK(default_kernelinfo(programs) == (directory.path / "kernelinfo.conf").string());
}

TEST_CASE("analyzers are found beside the driver first, then on PATH") {
    const TemporaryDirectory directory;
    const fs::path& root = directory.path;
    write_file(root / "a" / "panda-analyze-one", true);
    write_file(root / "b" / "panda-analyze-one", true);
    write_file(root / "b" / "panda-analyze-two", true);
    write_file(root / "b" / "panda-analyze-text", false);
    write_file(root / "b" / "panda-analyze-", true);
    fs::create_directory(root / "b" / "panda-analyze-folder");
    const auto directories = analyze::search_directories(
        (root / "a").string(), ":" + (root / "missing").string() + "::" + (root / "b").string() + ":");
    CHECK(directories.size() == 3);
    CHECK(analyze::find_program("one", directories) == (root / "a" / "panda-analyze-one").string());
    CHECK(analyze::find_program("two", directories) == (root / "b" / "panda-analyze-two").string());
    for (const char* name : {"text", "folder", "", "three", "../b/panda-analyze-two", "x/../two"})
        CHECK_FALSE(analyze::find_program(name, directories));
    const auto programs = analyze::list_programs(directories);
    REQUIRE(programs.size() == 2);
    CHECK(programs[0].name == "one");
    CHECK(programs[0].path == (root / "a" / "panda-analyze-one").string());
    CHECK(programs[1].name == "two");
}
