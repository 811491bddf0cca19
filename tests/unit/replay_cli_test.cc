// panda-replay's command line, the command line that it makes for QEMU, and the engine's status lines.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <cstdio>
#include <string>
#include <vector>

#include "common/error.h"
#include "replayer/cli/engine_command.h"
#include "replayer/cli/options.h"
#include "replayer/cli/status.h"

using namespace panda;
using namespace panda::replay;
using Catch::Matchers::ContainsSubstring;

namespace {

std::optional<Options> parse(std::vector<std::string> words) {
    words.insert(words.begin(), "panda-replay");
    std::vector<char*> arguments;
    for (std::string& word : words)
        arguments.push_back(word.data());
    return parse_options(static_cast<int>(arguments.size()), arguments.data());
}

const recording::Facts machine = {{"architecture", "x86_64"}, {"cpu-model", "max"}};

}  // namespace

TEST_CASE("status lines in pieces of any size") {
    const std::string text = "progress 10 100\nprogress 20 100\nerror block 3: it, differs\ndone 30\n";
    for (size_t size = 1; size <= text.size(); size++) {
        StatusReader status;
        for (size_t offset = 0; offset < text.size(); offset += size)
            status.feed(std::string_view(text).substr(offset, size));
        CHECK(status.instr() == 30);
        CHECK(status.total() == 100);
        CHECK(status.done());
        CHECK(status.error() == "block 3: it, differs");
    }
    StatusReader cut;
    cut.feed("progress 5 9\ndone 9");
    CHECK(cut.instr() == 5);
    CHECK_FALSE(cut.done());
}

TEST_CASE("other status lines are an error") {
    for (const char* line : {"\n", "hello\n", "progress\n", "progress x 1\n", "progress 1\n", "done -1\n",
                             "done 99999999999999999999999\n", "done 1x\n"}) {
        INFO(line);
        StatusReader status;
        CHECK_THROWS_AS(status.feed(line), Error);
    }
    StatusReader status;
    CHECK_THROWS_WITH(status.feed(std::string(100000, 'x')), ContainsSubstring("without an end"));
}

TEST_CASE("QEMU gets the recorded machine") {
    Options options;
    options.recording = "a,b.panda";
    options.trace = "-";
    options.stop_at = 77;
    options.columns = "memory";
    options.snapshot_interval = 500;
    options.from = 5;
    options.asid = 0x1000;
    options.user = true;
    options.registers = true;
    const auto command = engine_command("qemu", "engine.so", machine, options, {.status = 5, .serial = 6});
    const auto value = [&](const std::string& name) {
        const auto found = std::find(command.begin(), command.end(), name);
        REQUIRE(found + 1 < command.end());
        return *(found + 1);
    };
    CHECK(value("-cpu") == "max,apic-id=0,-apic");
    CHECK(value("-panda") ==
          "engine.so,replay=a,,b.panda,status-fd=5,trace=-,trace-columns=memory,"
          "trace-level=3,trace-snapshots=500,trace-registers=on,trace-from=5,trace-asid=4096,trace-user=on,"
          "serial-fd=6,stop-at=77");
}

TEST_CASE("a recording that does not describe a machine, or describes another one, is refused") {
    for (const char* name : {"architecture", "cpu-model"}) {
        recording::Facts facts = machine;
        facts.erase(name);
        CHECK_THROWS_WITH(engine_command("qemu", "engine.so", facts, {}, {}), ContainsSubstring(name));
    }
    recording::Facts facts = machine;
    facts["architecture"] = "aarch64";
    CHECK_THROWS_WITH(engine_command("qemu", "engine.so", facts, {}, {}), ContainsSubstring("aarch64"));
}

TEST_CASE("panda-replay's command line") {
    const auto options = parse({"--trace", "-", "--stop-at", "12", "x.panda"});
    REQUIRE(options);
    CHECK(options->recording == "x.panda");
    CHECK(options->trace == "-");
    CHECK(options->stop_at == 12u);
    CHECK(parse({"--output", "-", "x.panda"})->serial == "-");
    CHECK_THROWS_AS(parse({}), UsageError);
    CHECK_THROWS_AS(parse({"--verify-only", "--trace", "t", "x.panda"}), UsageError);
    CHECK(parse({"--registers", "--trace", "-", "x.panda"})->registers);
    CHECK_THROWS_AS(parse({"--registers", "x.panda"}), UsageError);
    CHECK_THROWS_AS(parse({"--trace", "-", "--serial", "-", "x.panda"}), UsageError);
    CHECK_THROWS_AS(parse({"--trace", "/etc/passwd", "x.panda"}), FileError);
    CHECK_THROWS(parse({"--stop-at", "soon", "x.panda"}));
    CHECK_THROWS(parse({"one.panda", "two.panda"}));
}

TEST_CASE("what panda-replay traces: numbers are decimal or hexadecimal, never octal") {
    const auto traced = [](std::vector<std::string> words) {
        words.insert(words.end(), {"--trace", "-", "x.panda"});
        return *parse(words);
    };
    const auto window = [&](const std::string& text) {
        const Options options = traced({"--window", text});
        return std::pair(options.from, options.stop_at);
    };
    CHECK(window("010:") == std::pair(uint64_t{10}, std::optional<uint64_t>()));
    CHECK(window("010:0x10") == std::pair(uint64_t{10}, std::optional<uint64_t>(16)));
    CHECK(window(":012") == std::pair(uint64_t{0}, std::optional<uint64_t>(12)));
    for (const std::string text : {"", "5", "5:5", "6:5", "x:", ":-1", "5:6:7", "0x:9"}) {
        CAPTURE(text);
        CHECK_THROWS_AS(traced({"--window", text}), UsageError);
    }
    CHECK(traced({"--window", "5:20", "--stop-at", "0x0a"}).stop_at == 10u);
    CHECK_THROWS_AS(traced({"--window", "010:", "--stop-at", "9"}), UsageError);
    CHECK(traced({"--stop-at", "010"}).stop_at == 10u);
    CHECK(traced({"--asid", "010"}).asid == 10u);
    CHECK(traced({"--asid", "0x1000"}).asid == 0x1000u);
    CHECK(traced({"--snapshots", "0x10"}).snapshot_interval == 16);
    CHECK(traced({"--snapshots", "0"}).snapshot_interval == 0);
    CHECK_FALSE(traced({}).snapshot_interval);
    CHECK(traced({"--level", "010"}).level == 10);
    for (const std::string option : {"--asid", "--snapshots", "--stop-at", "--level"})
        for (const std::string text : {"-1", "1x", "18446744073709551616"}) {
            CAPTURE(option, text);
            CHECK_THROWS(traced({option, text}));
        }
}
