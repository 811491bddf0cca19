// Writes small traces from which the trace fuzzers start: trace_corpus DIRECTORY.
#include <filesystem>
#include <string>

#include "common/command_line.h"
#include "tests/unit/trace_generator.h"
#include "tests/unit/trace_memory_generator.h"
#include "tests/unit/trace_register_machine.h"

namespace {

using namespace panda;
using namespace panda::trace_tests;

constexpr uint64_t traces_of_a_kind = 12;

WriterOptions small_chunks(MemoryColumns memory) {
    WriterOptions options;
    options.chunk_blocks = 20;
    options.memory = memory;
    return options;
}

}  // namespace

int main(int argc, char** argv) {
    return run_main("trace_corpus", [&] {
        if (argc != 2)
            throw UsageError("usage: trace_corpus DIRECTORY");
        const std::filesystem::path directory = argv[1];
        std::filesystem::create_directories(directory);
        for (uint64_t seed = 0; seed < traces_of_a_kind; ++seed) {
            const std::string number = std::to_string(seed);
            const auto steps = static_cast<unsigned>(5 + 6 * seed);
            Generator(seed).write(directory / ("events" + number), small_chunks(MemoryColumns::none), steps);
            MemoryGenerator(seed).write(directory / ("addresses" + number),
                                        small_chunks(MemoryColumns::addresses), steps);
            MemoryGenerator(seed).write(directory / ("values" + number), small_chunks(MemoryColumns::values),
                                        steps);
            RegisterMachine(seed).write(directory / ("registers" + number), small_chunks(MemoryColumns::none),
                                        steps);
        }
        return exit_ok;
    });
}
