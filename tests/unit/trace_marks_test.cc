// Moments that the guest has named, and their names on command lines.
#include <catch2/catch_test_macros.hpp>

#include "tests/unit/trace_generator.h"
#include "trace/moment/mark_arguments.h"
#include "trace/moment/marks.h"
#include "trace/writing/writer.h"

using namespace panda;
using namespace panda::trace;
using namespace panda::trace_tests;

namespace {

Cpuid mark_of(const std::string& name, uint64_t size = 8) {
    Cpuid cpuid;
    cpuid.before[0] = mark_leaf;
    cpuid.before[1] = size;
    for (size_t i = 0; i < name.size(); ++i)
        cpuid.before[2 + i / size] |= uint64_t{static_cast<uint8_t>(name[i])} << (8 * (i % size));
    return cpuid;
}

// Four chunks of blocks of three instructions, with a mark in the first, two in the third, and other CPUIDs.
struct Sample {
    Sample() {
        WriterOptions options;
        options.chunk_blocks = 4;
        TraceWriter writer(file.path(), {}, options);
        const uint32_t block = writer.define_block(block_at(0x400000, 3, true));
        const auto run = [&](unsigned count) { writer.append_blocks(std::vector<uint32_t>(count, block)); };
        run(1);
        writer.event({writer.instr(), mark_of("begin")});  // 3
        run(4);
        writer.event({writer.instr(), Cpuid{}});
        run(4);
        writer.event({writer.instr(), mark_of("a-name-of-just-32-bytes-in-total")});  // 27
        writer.event({writer.instr(), mark_of("begin")});                             // 27
        run(3);
        writer.event({writer.instr(), mark_of("done", 4)});  // 36, behind the last block
        writer.finish();
    }
    TemporaryFile file;
};

}  // namespace

TEST_CASE("a mark's name is in registers, and nothing else is a mark") {
    CHECK(mark_name(mark_of("begin")) == "begin");
    CHECK(mark_name(mark_of("sixteen-bytes-16", 4)) == "sixteen-bytes-16");
    CHECK(mark_name(mark_of("a-name-of-just-32-bytes-in-total")) == "a-name-of-just-32-bytes-in-total");
    CHECK_FALSE(mark_name(Cpuid{}));
    CHECK_FALSE(mark_name(mark_of("")));
    CHECK_FALSE(mark_name(mark_of("two words")));
    for (const char* name : {"a:b", "a#2", "5", "0x10", "end"})
        CHECK_FALSE(mark_name(mark_of(name)));
    CHECK(mark_name(mark_of("ending")) == "ending");
    CHECK_FALSE(mark_name(mark_of(std::string("a\0b", 3))));
    CHECK_FALSE(mark_name(mark_of("bell\a")));
    CHECK_FALSE(mark_name(mark_of("umlaut\xc3\xa4")));
    Cpuid other = mark_of("begin");
    other.before[1] = 16;
    CHECK_FALSE(mark_name(other));
    other = mark_of("begin");
    ++other.before[0];
    CHECK_FALSE(mark_name(other));
}

TEST_CASE("marks are found where they are, by name and number") {
    const Sample sample;
    TraceReader reader(sample.file.path());
    CHECK(reader.contents().chunks.size() > 2);
    CHECK(find_marks(reader) ==
          std::vector<Mark>{
              {"begin", 3}, {"a-name-of-just-32-bytes-in-total", 27}, {"begin", 27}, {"done", 36}});
    CHECK(find_mark(reader, "begin") == 3);
    CHECK(find_mark(reader, "begin#1") == 3);
    CHECK(find_mark(reader, "begin#2") == 27);
    CHECK_FALSE(find_mark(reader, "begin#3"));
    CHECK_FALSE(find_mark(reader, "begin#0"));
    CHECK_FALSE(find_mark(reader, "beg"));
}

TEST_CASE("options that take an instr take a mark") {
    const Sample sample;
    const std::string path = sample.file.path();
    using List = std::vector<std::string>;
    CHECK(resolve_marks({"--from", "begin", "--to=end", path}) == List{"--from", "3", "--to=end", path});
    CHECK(resolve_marks({"--at=begin#2", path}) == List{"--at=27", path});
    CHECK(resolve_range("begin:begin#2", path) == "3:27");
    CHECK(resolve_range("begin:nowhere", path) == "3:nowhere");
    CHECK(resolve_marks({path, "--instr", "done"}) == List{path, "--instr", "36"});
    CHECK(resolve_marks({"--range", "begin:30", path}) == List{"--range", "3:30", path});
    // What is not a mark is for others to complain about.
    for (const List& same : {List{"--from", "nowhere", path}, List{"--name", "begin", path},
                             List{"--from", "begin"}, List{"--from", "begin", "/nowhere"},
                             List{"--from", "7", path}, List{"begin", path}, List{"--str", "begin:x", path},
                             List{"-o", "begin:begin", path}, List{"begin:begin#2", path}, List{}})
        CHECK(resolve_marks(same) == same);
}
