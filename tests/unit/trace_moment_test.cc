// The machine at an instr, from files and pipes.
#include <sys/stat.h>

#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <thread>

#include "tests/unit/trace_store_machine.h"
#include "trace/moment/moment.h"

namespace {

using namespace panda;
using namespace panda::trace_tests;

struct Sample {
    Sample() : machine(130) {
        WriterOptions options;
        options.chunk_blocks = 100;
        machine.write(file.path(), options, 2000);
    }
    TemporaryFile file;
    StoreMachine machine;
};

void check(const Moment& moment, const StoreMachine& machine, uint64_t instr) {
    CHECK(moment.instr() == instr);
    for (const uint32_t block : {0u, 1u, 2u}) {
        const Bytes expected = machine.memory_at(block, instr);
        Bytes found(expected.size());
        REQUIRE(moment.memory().read_block(block, 0, found));
        CHECK((found == expected));
    }
}

// Calls function with a reader of a pipe that has the trace. A reader that stops early closes the pipe.
template <typename Function>
void with_pipe(const std::string& path, const Function& function) {
    const TemporaryFile pipe;
    REQUIRE(::mkfifo(pipe.path().c_str(), 0600) == 0);
    std::signal(SIGPIPE, SIG_IGN);
    std::thread feeder([&] { write_file(pipe.path(), read_file(path)); });
    {
        TraceReader reader(pipe.path());
        function(reader);
    }
    feeder.join();
}

TEST_CASE("a moment of a file, looked up or gone through") {
    const Sample sample;
    const uint64_t end = sample.machine.end_instr();
    for (const auto instr : {uint64_t{0}, end / 3, end / 2, sample.machine.snapshot_instrs()[1], end}) {
        TraceReader reader(sample.file.path());
        check(Moment(reader, instr), sample.machine, instr);
        check(Moment(reader, instr, MomentReads::most), sample.machine, instr);
    }
    TraceReader reader(sample.file.path());
    check(Moment(reader, std::nullopt), sample.machine, end);
    CHECK_THROWS_AS(Moment(reader, end + 1), FileError);
}

TEST_CASE("a moment of a pipe") {
    const Sample sample;
    const uint64_t end = sample.machine.end_instr();
    for (const auto instr : {end / 3, end / 2, end})
        with_pipe(sample.file.path(),
                  [&](TraceReader& reader) { check(Moment(reader, instr), sample.machine, instr); });
    with_pipe(sample.file.path(),
              [&](TraceReader& reader) { check(Moment(reader, std::nullopt), sample.machine, end); });
    with_pipe(sample.file.path(),
              [&](TraceReader& reader) { CHECK_THROWS_AS(Moment(reader, end + 1), FileError); });
}

TEST_CASE("without store values the moments of snapshots are known, and no others") {
    const TemporaryFile file;
    const Model model = Generator(6).write(file.path(), {}, 200);
    const uint64_t middle = model.snapshots[1].instr;
    const auto look = [&](TraceReader& reader) {
        const Moment moment(reader, middle);
        Bytes found(model.snapshots[1].memory[0].size());
        REQUIRE(moment.memory().read_block(0, 0, found));
        CHECK((found == model.snapshots[1].memory[0]));
    };
    TraceReader reader(file.path());
    look(reader);
    CHECK_THROWS_AS(Moment(reader, middle + 1), FileError);
    with_pipe(file.path(), look);
    with_pipe(file.path(), [&](TraceReader& pipe) { CHECK_THROWS_AS(Moment(pipe, middle + 1), FileError); });
}

}  // namespace
