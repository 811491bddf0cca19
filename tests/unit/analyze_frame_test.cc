// What all analyzers have from the frame, seen from outside: options, numbers, exit statuses, cut traces.
#include <catch2/catch_test_macros.hpp>
#include <fstream>
#include <string>
#include <vector>

#include "tests/unit/osi_sample_trace.h"
#include "tests/unit/run_program.h"

namespace {

using namespace panda;
using tests::count_lines;
using tests::ProgramResult;
using tests::run_program;
using trace_tests::TemporaryFile;

std::string program(const std::string& name) {
    return std::string(PANDA_PROGRAMS) + "/panda-analyze-" + name;
}

const std::vector<std::string> analyzers = {"asidstory", "blocks", "files", "memdump",
                                            "memory",    "net",    "osi",   "syscalls"};

// What an analyzer does with the sample trace, and its other arguments.
struct Sample : tests::SampleTrace {
    ProgramResult run(const std::string& name, const std::string& options) const {
        return run_program(program(name) + " " + options + " " + trace.path());
    }
    std::string kconf() const { return "--kconf " + conf.path() + " "; }

    // The same trace without its end: no index, and not even the last chunk's last bytes.
    void cut(uint64_t bytes) const {
        const Bytes whole = trace_tests::read_file(trace.path());
        trace_tests::write_file(trace.path(), std::span(whole).first(whole.size() - bytes));
    }
};

TEST_CASE("every analyzer says what it is and what it takes") {
    for (const std::string& name : analyzers) {
        CAPTURE(name);
        const ProgramResult summary = run_program(program(name) + " --describe");
        CHECK(summary.status == 0);
        CHECK(count_lines(summary.output) == 1);
        CHECK(summary.output.size() > 20);
        CHECK(summary.output.size() <= 80);
        const ProgramResult help = run_program(program(name) + " --help");
        CHECK(help.status == 0);
        CHECK(help.output.starts_with("Usage: panda-analyze " + name + " [options] "));
        CHECK(help.output.find("TRACE") != std::string::npos);
        CHECK(help.output.find("--describe") == std::string::npos);
        const ProgramResult version = run_program(program(name) + " --version");
        CHECK(version.status == 0);
        CHECK(version.output.starts_with("panda-analyze-" + name + " (panda) "));
    }
}

TEST_CASE("every analyzer tells wrong usage from failure") {
    for (const std::string& name : analyzers) {
        CAPTURE(name);
        CHECK(run_program(program(name)).status == 2);
        CHECK(run_program(program(name) + " --nonsense x").status == 2);
        const std::string arguments = name == "memory" ? " read 0 1" : name == "memdump" ? " -o -" : "";
        const ProgramResult missing = run_program(program(name) + arguments + " /nonexistent");
        CHECK(missing.status == 1);
        CHECK(missing.output.starts_with("panda-analyze-" + name + ": /nonexistent"));
        CHECK(count_lines(missing.output) == 1);
    }
}

// Each option that takes an instruction, with what else it needs.
TEST_CASE("010 means ten for --from, in every analyzer that has it") {
    const Sample sample;
    const auto check = [&](const std::string& name, const std::string& before, const std::string& after) {
        CAPTURE(name, before);
        const auto output = [&](const std::string& number) {
            const ProgramResult result = sample.run(name, before + number + after);
            CHECK(result.status == 0);
            return result.output;
        };
        const std::string ten = output("10");
        CHECK((output("010") == ten));
        CHECK((output("0xa") == ten));
        CHECK((output("0x0A") == ten));
        CHECK((output("8") != ten));
        for (const std::string wrong : {"-1", "0x", "10x", "''", "1e1", "18446744073709551616"}) {
            CAPTURE(wrong);
            CHECK(sample.run(name, before + wrong + after).status == 2);
        }
    };
    check("blocks", "--json --from ", "");
    check("blocks", "--json --to ", "");
    check("osi", sample.kconf() + "--on all --from ", "");
    check("osi", sample.kconf() + "--on all --to ", "");
    check("osi", sample.kconf() + "--json --at ", "");
    check("osi", sample.kconf() + "--every ", "");
    check("asidstory", sample.kconf() + "--json --from ", "");
    check("asidstory", sample.kconf() + "--json --to ", "");
    check("asidstory", sample.kconf() + "--width ", "");
    check("memory", "--physical read ", " 2");
    check("memory", "--physical read 0 ", "");
    check("memory", "--physical --at ", " read 0x60080 8");
    check("memdump", "-o - --at ", "");
}

TEST_CASE("numbers of the other analyzers are read in the same way") {
    const Sample sample;
    // The sample has no system calls, so that only what is refused can be seen.
    for (const auto& [number, status] :
         {std::pair("010", 0), {"0x10", 0}, {"08", 0}, {"-1", 2}, {"0x", 2}, {"9x", 2}, {"4294967296", 2}})
        CHECK(sample.run("syscalls", sample.kconf() + "-s " + number).status == status);
    CHECK(sample.run("blocks", "--threads 0x2").status == 0);
    CHECK(sample.run("blocks", "--threads 4294967296").status == 2);
    CHECK(sample.run("blocks", "--top -1").status == 2);
    CHECK(sample.run("blocks", "--asid 0x1g").status == 2);
    CHECK(sample.run("blocks", "--from 9 --to 0x8").status == 2);
    CHECK(sample.run("asidstory", sample.kconf() + "--from 9 --to 8").status == 2);
    CHECK(sample.run("osi", sample.kconf() + "--on all --from 9 --to 8").status == 2);
    CHECK(
        run_program(std::string(PANDA_PROGRAMS) + "/panda-kernelinfo --at 1x --trace " + sample.trace.path())
            .status == 2);
}

TEST_CASE("a wrong number is named with its option") {
    const Sample sample;
    CHECK(sample.run("blocks", "--from 12x").output ==
          "panda-analyze-blocks: --from takes a number, not \"12x\" (see --help)\n");
    CHECK(sample.run("memory", "read 0y 1").output ==
          "panda-analyze-memory: read takes a number, not \"0y\" (see --help)\n");
    CHECK(
        sample.run("memdump", "-o - --at soon").output ==
        "panda-analyze-memdump: --at takes \"end\" or a number of instructions, not \"soon\" (see --help)\n");
}

TEST_CASE("of a trace that was cut short what is whole is told, then why it ends") {
    const Sample sample;
    sample.cut(100);  // the index goes
    for (const auto& [name, options] : {std::pair<std::string, std::string>{"blocks", "-q"},
                                        {"asidstory", sample.kconf() + "-q"},
                                        {"osi", sample.kconf() + "-q --on all"},
                                        {"osi", sample.kconf() + "-q --every 2"}}) {
        CAPTURE(name);
        const ProgramResult result = sample.run(name, options);
        CAPTURE(result.output);
        CHECK(result.status == 1);
        CHECK(count_lines(result.output) > 2);
        const std::string last =
            result.output.substr(result.output.rfind('\n', result.output.size() - 2) + 1);
        CHECK(last.starts_with("panda-analyze-" + name + ": " + sample.trace.path() + ": "));
    }
}

TEST_CASE("what cannot be written is an error") {
    const Sample sample;
    for (const auto& [name, options] : {std::pair<std::string, std::string>{"blocks", "--json"},
                                        {"asidstory", sample.kconf()},
                                        {"osi", sample.kconf()},
                                        {"memory", "--physical read 0 64"},
                                        {"files", sample.kconf()},
                                        {"net", sample.kconf()}}) {
        CAPTURE(name);
        const ProgramResult result =
            run_program(program(name) + " " + options + " " + sample.trace.path() + " > /dev/full");
        CHECK(result.status == 1);
        CHECK(result.output == "panda-analyze-" + name + ": cannot write to standard output\n");
    }
}

TEST_CASE("the end of a trace that was cut short is not made up") {
    const Sample sample;
    sample.cut(100);
    for (const auto& [name, options] : {std::pair<std::string, std::string>{"osi", sample.kconf()},
                                        {"memory", "--physical read 0 8"},
                                        {"memdump", "-o - "}}) {
        CAPTURE(name);
        const ProgramResult result = sample.run(name, options);
        CHECK(result.status == 1);
        CHECK(result.output.find("; what is whole of it ends at instr ") != std::string::npos);
    }
}

TEST_CASE("a pandalog that cannot be made is found out before the pass") {
    const Sample sample;
    for (const std::string name : {"osi", "asidstory", "syscalls"}) {
        CAPTURE(name);
        const ProgramResult result = sample.run(name, sample.kconf() + "--pandalog /nowhere/log");
        CHECK(result.status == 1);
        CHECK(count_lines(result.output) == 1);
        CHECK(result.output.find("/nowhere/log") != std::string::npos);
        const TemporaryFile log;
        trace_tests::write_file(log.path(), Bytes(8));
        CHECK(run_program(program(name) + " --pandalog " + log.path() + " /nowhere/trace").status == 1);
        CHECK(trace_tests::read_file(log.path()).size() == 8);
    }
}

TEST_CASE("a pandalog does not overwrite the trace") {
    const Sample sample;
    const Bytes before = trace_tests::read_file(sample.trace.path());
    for (const std::string name : {"osi", "asidstory", "syscalls"}) {
        CAPTURE(name);
        CHECK(sample.run(name, sample.kconf() + "--pandalog " + sample.trace.path()).status == 2);
        CHECK((trace_tests::read_file(sample.trace.path()) == before));
        const TemporaryFile log;
        CHECK(sample.run(name, sample.kconf() + "--pandalog " + log.path()).status == 0);
        CHECK(std::ifstream(log.path()).good());
    }
}

}  // namespace
