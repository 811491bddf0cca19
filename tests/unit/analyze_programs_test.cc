// What panda-analyze --list asks of programs that anybody may have written.
#include <stdlib.h>
#include <unistd.h>

#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>

#include "common/error.h"
#include "tools/analyze/descriptions.h"
#include "tools/analyze/side_by_side.h"

namespace {

namespace fs = std::filesystem;
using namespace panda::analyze;
using namespace std::chrono_literals;

// A directory with programs in it.
class Programs {
  public:
    Programs() {
        std::string name = (fs::temp_directory_path() / "panda-programs-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        path_ = name;
    }
    ~Programs() { fs::remove_all(path_); }
    Programs(const Programs&) = delete;
    Programs& operator=(const Programs&) = delete;

    const fs::path& path() const { return path_; }
    Program add(const std::string& name, const std::string& text) const {
        const fs::path file = path_ / ("panda-analyze-" + name);
        std::ofstream(file) << text;
        fs::permissions(file, fs::perms::owner_all);
        return {name, file.string()};
    }
    Program script(const std::string& name, const std::string& commands) const {
        return add(name, "#!/bin/sh\n" + commands + "\n");
    }

  private:
    fs::path path_;
};

// Neither there, nor waiting for its parent to notice that it is dead.
bool is_gone(const std::string& pid) {
    std::ifstream status("/proc/" + pid + "/stat");
    std::string text;
    std::getline(status, text);
    return text.empty() || text.find(") Z ") != std::string::npos || text.find(") X ") != std::string::npos;
}

TEST_CASE("an analyzer is asked for its line by --describe") {
    const Programs programs;
    const auto lines =
        describe({programs.script("one", "[ $# = 1 ] && [ $1 = --describe ] && echo counts blocks"),
                  programs.script("two", "printf 'no newline, \\303\\251'")},
                 20s);
    CHECK(lines == std::vector<std::string>{"counts blocks", "no newline, \xc3\xa9"});
}

TEST_CASE("a program that answers --describe badly has no line") {
    const Programs programs;
    const std::string just_fits(200, 'x');
    const auto lines = describe({programs.script("fails", "echo line; exit 1"),
                                 programs.script("dies", "echo line; kill -9 $$"),
                                 programs.script("silent", ":"),
                                 programs.script("two-lines", "echo one; echo two"),
                                 programs.script("terminal", "printf '\\033[2J'"),
                                 programs.script("fits", "echo " + just_fits),
                                 programs.script("long", "echo " + just_fits + "x"),
                                 programs.script("endless", "exec yes"),
                                 programs.script("errors", "echo line >&2"),
                                 programs.script("reads", "exec cat"),
                                 programs.add("unknown-format", "\x01\x02\x03"),
                                 {"missing", (programs.path() / "missing").string()}},
                                20s);
    std::vector<std::string> expected(12);
    expected[5] = just_fits;
    CHECK(lines == expected);
}

TEST_CASE("a program that does not end is not waited for") {
    const Programs programs;
    const std::string pids = (programs.path() / "pids").string();
    const auto note = "; echo $! >> " + pids;
    const auto start = std::chrono::steady_clock::now();
    const auto lines =
        describe({programs.script("hangs", "echo line; sleep 1000 &" + note.substr(1) + "; wait"),
                  programs.script("hides", "exec >&-; sleep 1000 &" + note.substr(1) + "; wait"),
                  programs.script("leaves", "sleep 1000 &" + note.substr(1) + "; echo line")},
                 3s);
    CHECK(std::chrono::steady_clock::now() - start < 20s);
    CHECK(lines == std::vector<std::string>{"", "", "line"});
    // Nothing that it started is left over, not even what held its output open.
    std::ifstream started(pids);
    unsigned count = 0;
    for (std::string pid; std::getline(started, pid); ++count) {
        for (int patience = 0; patience < 500 && !is_gone(pid); ++patience)
            std::this_thread::sleep_for(10ms);
        CHECK(is_gone(pid));
    }
    CHECK(count == 3);
}

TEST_CASE("several analyzers are asked for as PANDA does") {
    CHECK(
        parse_requests("asidstory;syscalls:summary;stringsearch:name=x") ==
        std::vector<Request>{{"asidstory", {}}, {"syscalls", {"--summary"}}, {"stringsearch", {"--name=x"}}});
    CHECK(parse_requests("coverage:exclude_pc=1-2,full=true,summary=false,privilege=user;") ==
          std::vector<Request>{{"coverage", {"--exclude-pc=1-2", "--full", "--privilege=user"}}});
    CHECK(parse_requests("x:a=1,,2;;3=4;y") == std::vector<Request>{{"x", {"--a=1,2;3=4"}}, {"y", {}}});
    for (const char* wrong : {"", ";", ":a", "a/b", "x:=1", "x:--a"})
        CHECK_THROWS_AS(parse_requests(wrong), panda::UsageError);
}

TEST_CASE("what several analyzers need of a trace is what they need together") {
    const Programs programs;
    const std::string blocks = programs.script("blocks", "echo blocks").path;
    const std::string memory = programs.script("memory", "echo 'memory registers'").path;
    const std::string other = programs.script("other", "exit 2").path;
    CHECK(needs_of({{"a", {}}}, {blocks}) == "blocks");
    CHECK(needs_of({{"a", {}}, {"b", {}}}, {blocks, memory}) == "memory registers");
    CHECK(needs_of({{"a", {}}, {"b", {}}}, {blocks, other}) == "full");
}

TEST_CASE("several analyzers run side by side, each with its arguments and its output") {
    const Programs programs;
    const std::string results = (programs.path() / "results").string();
    const auto text_of = [&](const std::string& name) {
        std::ifstream file(results + "/" + name + ".out");
        return std::string(std::istreambuf_iterator<char>(file), {});
    };
    const std::string counts = programs.script("counts", "echo $*; wc -c < $2").path;
    const std::string fails = programs.script("fails", "exit 3").path;
    std::ofstream(programs.path() / "trace") << "12345";
    const SideBySide options{(programs.path() / "trace").string(), results, true};
    CHECK(run_side_by_side({{"counts", {"--a=1"}}, {"counts", {"--b"}}}, {counts, counts}, options) == 0);
    CHECK(text_of("counts") == "--a=1 " + options.trace + "\n5\n");
    CHECK(text_of("counts.2") == "--b " + options.trace + "\n5\n");
    CHECK(run_side_by_side({{"counts", {"--a=1"}}, {"fails", {}}}, {counts, fails}, options) == 3);
}

}  // namespace
