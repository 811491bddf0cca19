// panda-trace from the outside, and the schema with Cap'n Proto's own tool.
#include <catch2/catch_test_macros.hpp>

#include "tests/unit/json_lines.h"
#include "tests/unit/run_program.h"
#include "tests/unit/trace_memory_generator.h"

namespace {

using namespace panda;
using namespace panda::trace_tests;

using tests::count_lines;
using Result = tests::ProgramResult;

Result run(const std::string& command) {
    return tests::run_program(command);
}

const std::string program = PANDA_TRACE_PROGRAM;

struct Sample {
    Sample() {
        WriterOptions options;
        options.chunk_blocks = 128;
        model = Generator(20).write(file.path(), options, 80);
    }
    TemporaryFile file;
    Model model;
};

TEST_CASE("dump prints a line for each block and event, from a file and from a pipe") {
    const Sample sample;
    const Result from_file = run(program + " dump " + sample.file.path());
    CHECK(from_file.status == 0);
    CHECK(count_lines(from_file.output) == sample.model.happenings.size());
    const Result from_pipe = run("cat " + sample.file.path() + " | " + program + " dump -");
    CHECK(from_pipe.output == from_file.output);
    const Result definitions = run(program + " dump --definitions " + sample.file.path());
    CHECK(count_lines(definitions.output) == sample.model.blocks.size());
    const Result json = run(program + " dump --json " + sample.file.path());
    CHECK(count_lines(json.output) == sample.model.happenings.size());
}

TEST_CASE("dump of a range prints what is in the range") {
    const Sample sample;
    const uint64_t first = sample.model.header.first_instr;
    const uint64_t length = sample.model.end_instr - first;
    const uint64_t from = first + length / 3;
    const uint64_t to = first + length / 2;
    size_t expected = 0;
    for (const Happening& happening : sample.model.happenings) {
        if (const auto* event = std::get_if<Event>(&happening))
            expected += event->instr >= from && event->instr < to;
        else if (const auto* block = std::get_if<ExecutedBlock>(&happening))
            expected += block->instr + std::max(block->executed, 1u) > from && block->instr < to;
    }
    const Result result = run(program + " dump --from " + std::to_string(from) + " --to " +
                              std::to_string(to) + " " + sample.file.path());
    CHECK(result.status == 0);
    CHECK(count_lines(result.output) == expected);
    CHECK(expected > 0);
}

TEST_CASE("dump prints a line for each memory access") {
    const TemporaryFile file;
    WriterOptions options;
    options.memory = MemoryColumns::values;
    options.chunk_blocks = 300;
    const MemoryModel model = MemoryGenerator(9).write(file.path(), options, 1000);
    size_t accesses = 0;
    for (const Executed& execution : model.executions)
        accesses += execution.accesses.size();
    for (const std::string form : {"", "--json "}) {
        const Result result = run(program + " dump --memory " + form + file.path());
        CHECK(result.status == 0);
        CHECK(count_lines(result.output) == accesses);
    }
    const Result info = run(program + " info " + file.path());
    CHECK(info.output.find("column: values") != std::string::npos);
    const Sample without;
    CHECK(run(program + " dump --memory " + without.file.path()).status == 1);
}

TEST_CASE("info says what there is, and what is missing") {
    const Sample sample;
    const Result text = run(program + " info " + sample.file.path());
    CHECK(text.status == 0);
    CHECK(text.output.find("whole                  yes") != std::string::npos);
    CHECK(text.output.find(std::to_string(sample.model.blocks.size()) + " defined") != std::string::npos);
    const Result json = run(program + " info --json " + sample.file.path());
    CHECK(json.output.find("\"command\":\"echo \\\"hello\\\"\"") != std::string::npos);
    CHECK(json.output.find("\"end_instr\":" + std::to_string(sample.model.end_instr)) != std::string::npos);

    const TemporaryFile cut;
    const Bytes bytes = read_file(sample.file.path());
    write_file(cut.path(), std::span(bytes).first(bytes.size() / 2));
    const Result part = run(program + " info " + cut.path());
    CHECK(part.status == 0);
    CHECK(part.output.find("no: the trace was cut short") != std::string::npos);
    CHECK(run(program + " dump " + cut.path() + " >/dev/null").status == 1);
}

TEST_CASE("names that are not UTF-8 are mended in what is written as JSON") {
    using tests::broken_name;
    using tests::mended_name;
    const TemporaryFile file;
    TraceHeader header;
    header.architecture = "x86_64";
    header.facts = {{"command", broken_name}};
    header.memory_blocks = {{broken_name, page_size}};
    header.devices = {{broken_name, broken_name, broken_name}};
    Bytes memory(page_size);
    const auto memory_of = [&memory](uint32_t) { return std::span<const std::byte>(memory); };
    WriterOptions options;
    options.memory = MemoryColumns::values;
    TraceWriter writer(file.path(), header, options);
    writer.memory_map({0, {{0, page_size, 0, 0, RangeKind::ram}}});
    writer.snapshot({}, memory_of, SnapshotKind::full);
    writer.event({writer.instr(), Transfer{0, 16, TransferSource::device, Bytes(4), 1}});
    BlockDefinition block;
    block.pc = 0x1000;
    block.guest_size = 1;
    block.instruction_offsets = {0};
    writer.append(writer.define_block(block), {});
    memory[0] = std::byte{1};  // no event tells of it
    writer.snapshot({}, memory_of, SnapshotKind::full);
    writer.finish();

    const auto lines_of = [&](const std::string& command) {
        return tests::parse_lines(run(program + " " + command + " --json " + file.path()).output);
    };
    const auto info = lines_of("info").at(0);
    CHECK(info["facts"]["command"] == mended_name);
    CHECK(info["memory_blocks"][0]["name"] == mended_name);
    CHECK(info["devices"][0]["place"] == mended_name);
    const auto events = lines_of("dump --events");
    REQUIRE(events.size() == 1);
    CHECK(events[0]["device_model"] == mended_name);
    const auto verified = lines_of("verify").at(0);
    REQUIRE(verified.at("differences").size() == 1);
    CHECK(verified["differences"][0]["memory_block"] == mended_name);
}

TEST_CASE("numbers of options are decimal or hexadecimal, never octal") {
    const Sample sample;
    REQUIRE(sample.model.header.first_instr < 8);
    const auto dump = [&](const std::string& from) {
        return run(program + " dump --from " + from + " " + sample.file.path());
    };
    CHECK(dump("010").output == dump("10").output);
    CHECK(dump("0xa").output == dump("10").output);
    CHECK(dump("8").output != dump("10").output);
    CHECK(dump("-1").status == 2);
    const auto cut = [&](const std::string& range) {
        const TemporaryFile part;
        const Result result =
            run(program + " cut -q " + range + " -o " + part.path() + " " + sample.file.path());
        return std::pair(result, result.status == 0 ? read_file(part.path()) : Bytes());
    };
    const Bytes whole = cut("10:40").second;
    CHECK_FALSE(whole.empty());
    CHECK((cut("010:0x28").second == whole));
    CHECK((cut("8:40").second != whole));
    CHECK(cut("010:8").first.status == 2);
    CHECK(cut("x:y").first.output ==
          "panda-trace: \"x:y\" is not a range FROM:TO of instructions (see --help)\n");
    CHECK(cut("0x:8").first.status == 2);
    CHECK(cut("0x10:99999999999999999999").first.status == 2);
    CHECK(run(program + " verify --list 0x -q " + sample.file.path()).status == 2);
}

TEST_CASE("exit statuses distinguish wrong usage from failure") {
    CHECK(run(program).status == 2);
    CHECK(run(program + " nonsense").status == 2);
    CHECK(run(program + " dump").status == 2);
    CHECK(run(program + " dump --nonsense x").status == 2);
    CHECK(run(program + " dump --from 2 --to 1 x").status == 2);
    CHECK(run(program + " info /nonexistent").status == 1);
    CHECK(count_lines(run(program + " info /nonexistent").output) == 1);
    CHECK(run(program + " --help").status == 0);
    CHECK(run(program + " info --help").status == 0);
    CHECK(run(program + " --version").status == 0);
}

TEST_CASE("capnp decode reads every message with the schema") {
    if (run("capnp --version >/dev/null").status != 0)
        SKIP("the capnp tool is not installed");
    const Sample sample;
    const Result result =
        run("capnp decode --short " + std::string(TRACE_SCHEMA) + " Message < " + sample.file.path());
    REQUIRE(result.status == 0);
    TraceReader reader(sample.file.path());
    const auto count = [&result](const std::string& text) {
        size_t found = 0;
        for (size_t at = result.output.find(text); at != std::string::npos;
             at = result.output.find(text, at + 1))
            ++found;
        return found;
    };
    CHECK(count(", header = (") == 1);
    CHECK(count(", chunk = (firstInstr") == reader.contents().chunks.size());
    CHECK(count(", definitions = (firstId") == reader.contents().definitions.size());
    CHECK(count(", snapshot = (number") == sample.model.snapshots.size());
    CHECK(count("(address = 0, size = 131072") == sample.model.maps.size());
    CHECK(count(", end = (instrEnd = " + std::to_string(sample.model.end_instr)) == 1);
    for (const ChunkEntry& chunk : reader.contents().chunks)
        CHECK(count("chunk = (firstInstr = " + std::to_string(chunk.first_instr) + ",") >= 1);
}

}  // namespace
