// Passes over traces see everything once, in the order of time, however many threads there are.
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>

#include "tests/unit/trace_generator.h"
#include "trace/pass/pass.h"

namespace {

using namespace panda;
using namespace panda::trace_tests;

// Keeps everything, with the state's instr beside it.
struct Collector {
    static constexpr PassNeeds needs = PassNeeds::blocks;
    explicit Collector(const PassState& pass_state) : state(&pass_state) {}
    void on_block(const BlockExecution& block) {
        happenings.push_back(ExecutedBlock{block.id, block.executed, block.instr});
        in_order = in_order && state->instr() == block.instr;
        spaces.push_back(state->cr3());
    }
    void on_event(const Event& event) {
        happenings.push_back(event);
        in_order = in_order && state->instr() == event.instr;
        spaces.push_back(state->cr3());
    }
    void append(Collector&& next) {
        happenings.insert(happenings.end(), next.happenings.begin(), next.happenings.end());
        spaces.insert(spaces.end(), next.spaces.begin(), next.spaces.end());
        in_order = in_order && next.in_order;
        ++shards;
        shards += next.shards - 1;
    }

    const PassState* state;
    std::vector<Happening> happenings;
    std::vector<uint64_t> spaces;
    bool in_order = true;
    int shards = 1;
};

uint64_t instr_of(const Happening& happening) {
    if (const auto* event = std::get_if<Event>(&happening))
        return event->instr;
    return std::get<ExecutedBlock>(happening).instr;
}

// What a trace says, in the order of time: an event goes after the block that it is in the middle of.
std::vector<Happening> in_time(const std::vector<Happening>& happenings, uint64_t first_instr) {
    std::vector<Happening> ordered;
    std::vector<Event> held;
    uint64_t position = first_instr;
    for (const Happening& happening : happenings) {
        if (const auto* event = std::get_if<Event>(&happening)) {
            if (event->instr > position)
                held.push_back(*event);
            else
                ordered.push_back(*event);
            if (const auto* gap = std::get_if<Gap>(&event->detail))
                position += gap->instructions;
            continue;
        }
        const auto& block = std::get<ExecutedBlock>(happening);
        ordered.push_back(block);
        position = block.instr + block.executed;
        std::stable_sort(held.begin(), held.end(),
                         [](const Event& a, const Event& b) { return a.instr < b.instr; });
        while (!held.empty() && held.front().instr <= position) {
            ordered.push_back(held.front());
            held.erase(held.begin());
        }
    }
    ordered.insert(ordered.end(), held.begin(), held.end());
    return ordered;
}

struct Sample {
    Sample() {
        WriterOptions options;
        options.chunk_blocks = 512;
        model = Generator(40).write(file.path(), options, 300);
    }
    TemporaryFile file;
    Model model;
};

PassResult<Collector> collect(const std::string& path, PassOptions options) {
    TraceReader reader(path);
    return run_pass(reader, options, [](const PassState& state) { return Collector(state); });
}

TEST_CASE("a pass on one thread sees everything in the order of time") {
    const Sample sample;
    const auto [found, flaw] = collect(sample.file.path(), {.threads = 1});
    CHECK(flaw.empty());
    CHECK(found.in_order);
    CHECK(found.shards == 1);
    CHECK(found.happenings == in_time(sample.model.happenings, sample.model.header.first_instr));
    uint64_t cr3 = sample.model.snapshots.front().cpu.cr3;
    size_t changes = 0;
    for (size_t i = 0; i < found.happenings.size(); ++i) {
        if (const auto* event = std::get_if<Event>(&found.happenings[i]))
            if (const auto* change = std::get_if<AddressSpaceChange>(&event->detail)) {
                cr3 = change->cr3;
                ++changes;
            }
        if (changes > 0)
            break;
        CHECK(found.spaces[i] == cr3);
    }
    CHECK(changes > 0);
}

TEST_CASE("a pass on many threads sees the same blocks in the same order") {
    const Sample sample;
    const auto blocks_of = [](const Collector& collector) {
        std::vector<ExecutedBlock> blocks;
        for (const Happening& happening : collector.happenings)
            if (const auto* block = std::get_if<ExecutedBlock>(&happening))
                blocks.push_back(*block);
        return blocks;
    };
    const auto one = collect(sample.file.path(), {.threads = 1}).analyzer;
    const auto many = collect(sample.file.path(), {.threads = 5}).analyzer;
    CHECK(many.shards > 5);
    CHECK(many.in_order);
    CHECK(blocks_of(many) == blocks_of(one));
    CHECK(many.happenings.size() == one.happenings.size());
}

TEST_CASE("a pass over a range sees what begins in it") {
    const Sample sample;
    const uint64_t first = sample.model.header.first_instr;
    const uint64_t length = sample.model.end_instr - first;
    const InstrRange range{first + length / 3, first + length / 2};
    for (const unsigned threads : {1u, 4u}) {
        const auto found = collect(sample.file.path(), {.range = range, .threads = threads}).analyzer;
        size_t expected = 0;
        for (const Happening& happening : sample.model.happenings)
            expected += instr_of(happening) >= range.from && instr_of(happening) < range.to;
        CHECK(expected > 10);
        CHECK(found.happenings.size() == expected);
        for (const Happening& happening : found.happenings)
            REQUIRE((instr_of(happening) >= range.from && instr_of(happening) < range.to));
    }
}

TEST_CASE("a pass over a trace that was cut short returns what there is, and says so") {
    const Sample sample;
    const TemporaryFile part;
    const Bytes bytes = read_file(sample.file.path());
    write_file(part.path(), std::span(bytes).first(bytes.size() / 2));
    const auto [found, flaw] = collect(part.path(), {});
    CHECK_FALSE(flaw.empty());
    CHECK(!found.happenings.empty());
    CHECK(found.happenings.size() < sample.model.happenings.size());
    const uint64_t first = sample.model.header.first_instr;
    CHECK(collect(part.path(), {.range = {first, first + 100}}).flaw.empty());
}

struct Failing : IgnoresEvents {
    static constexpr PassNeeds needs = PassNeeds::blocks;
    void on_block(const BlockExecution& block) {
        if (block.id == 3)
            throw Error("three");
    }
    void append(Failing&&) {}
};

TEST_CASE("a failure in one shard ends the pass") {
    const Sample sample;
    TraceReader reader(sample.file.path());
    CHECK_THROWS_AS(run_pass(reader, {.threads = 3}, [](const PassState&) { return Failing(); }), Error);
}

TEST_CASE("progress counts every instruction once") {
    const Sample sample;
    uint64_t done = 0;
    PassOptions options{.threads = 3};
    options.progress = [&done](uint64_t instructions) {
        CHECK(instructions >= done);
        done = instructions;
    };
    collect(sample.file.path(), options);
    CHECK(done == sample.model.end_instr - sample.model.header.first_instr);
    TraceReader reader(sample.file.path());
    CHECK(pass_length(reader, {}) == done);
}

TEST_CASE("the mode in force decides which bits of CR3 are the address space") {
    constexpr uint64_t cr4_pae = 1 << 5;
    constexpr uint64_t lma = 1 << 10;
    const BlockTable blocks;
    const std::vector<MemoryMap> maps;
    for (const std::string architecture : {"x86_64", "i386"}) {
        TraceHeader header;
        header.architecture = architecture;
        PassState state(header, blocks, maps, PassNeeds::blocks);
        CHECK(state.asid_of(0x1234'5678'9fff) == (architecture == "i386" ? 0x5678'9fe0 : 0x1234'5678'9000));
        state.apply(Event{1, ModeChange{0x80000001, cr4_pae, 0, false}});
        state.apply(Event{2, AddressSpaceChange{0x1e2b'5a78}});
        CHECK(state.asid() == 0x1e2b'5a60);
        state.apply(Event{3, ModeChange{0x80000001, 0, 0, false}});
        CHECK(state.asid() == 0x1e2b'5000);
        state.apply(Event{4, ModeChange{0x80000001, cr4_pae, lma, false}});
        state.apply(Event{5, AddressSpaceChange{0x8000'0001'2345'6803}});
        CHECK(state.asid() == 0x1'2345'6000);
    }
    CpuState cpu;
    cpu.cr3 = 0x1e2b'5a78;
    cpu.cr4 = cr4_pae;
    CHECK(cpu.asid() == 0x1e2b'5a60);
    cpu.cr4 = 0;
    CHECK(cpu.asid() == 0x1e2b'5000);
}

// Bytes of the file that the process has in memory.
uint64_t resident(const std::string& path) {
    std::ifstream maps("/proc/self/smaps");
    uint64_t bytes = 0;
    bool mapped = false;
    for (std::string line; std::getline(maps, line);) {
        if (line.find('-') < line.find(' ') && line.find(':') > line.find(' '))
            mapped = line.ends_with(path);
        else if (mapped && line.starts_with("Rss:"))
            bytes += std::stoull(line.substr(4)) * 1024;
    }
    return bytes;
}

TEST_CASE("a pass gives back the memory of what it has read") {
    const TemporaryFile file;
    WriterOptions options;
    options.chunk_blocks = 4096;
    options.memory = MemoryColumns::values;
    options.if_exists = IfExists::overwrite;
    TraceWriter writer(file.path(), TraceHeader{}, options);
    BlockDefinition block;
    block.guest_size = 1;
    block.instruction_offsets = {0};
    block.operations.assign(8, {.size = 8});
    const uint32_t id = writer.define_block(block);
    std::mt19937_64 random(1);
    for (int i = 0; i < 100'000; ++i) {
        std::array<uint64_t, 8> words;
        std::generate(words.begin(), words.end(), std::ref(random));
        writer.append(id, words.data());
    }
    writer.finish();
    const uint64_t size = std::filesystem::file_size(file.path());
    CHECK(size > 5'000'000);
    TraceReader reader(file.path());
    const auto result =
        run_pass(reader, {.threads = 2}, [](const PassState& state) { return Collector(state); });
    CHECK(result.analyzer.happenings.size() == 100'000);
    const auto mapped = resident(file.path());
    CHECK(mapped > 0);
    CHECK(mapped < size / 10);
}

}  // namespace
