// Measures how fast and how small the coders are: trace_bench TRACE on the blocks of a real trace,
// trace_bench alone on a made-up program of loops and calls. Prints medians of several rounds, in processor
// time.
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "common/command_line.h"
#include "common/compression.h"
#include "tests/bench/meanwhile.h"
#include "trace/coding/block_codec.h"
#include "trace/reading/reader.h"
#include "trace/writing/writer.h"

namespace {

using namespace panda;
using namespace panda::trace;

constexpr size_t chunk_blocks = 1 << 20;
constexpr size_t max_blocks_measured = 64 << 20;
constexpr int rounds = 5;

struct Load {
    std::vector<std::vector<uint32_t>> chunks;
    uint32_t block_count = 0;
    uint64_t executions = 0;
    uint64_t instructions = 0;
};

// Nested loops over procedures with data-dependent branches. Successors are right about nine times out of
// ten.
Load made_up_load() {
    std::mt19937_64 random(1);
    Load load;
    load.block_count = 50000;
    uint32_t id = 0;
    uint32_t loop_start = 0;
    unsigned repeats = 0;
    for (int chunk = 0; chunk < 16; ++chunk) {
        auto& ids = load.chunks.emplace_back();
        while (ids.size() < chunk_blocks) {
            ids.push_back(id);
            if (random() % 16 == 0)
                id = (id + 2) % load.block_count;  // a branch the other way
            else if (id % 23 == 22 && repeats-- > 0)
                id = loop_start;
            else
                id = (id + 1) % load.block_count;
            if (id % 23 == 0 && id != loop_start) {
                loop_start = random() % 8 == 0 ? static_cast<uint32_t>(random() % 2000) * 23 : id;
                id = loop_start;
                repeats = static_cast<unsigned>(random() % 40);
            }
        }
        load.executions += ids.size();
    }
    load.instructions = load.executions * 6;
    return load;
}

Load load_of(const std::string& path) {
    Load load;
    TraceReader reader(path);
    ChunkCursor cursor(reader.blocks());
    for (size_t i = 0; i < reader.contents().chunks.size() && load.executions < max_blocks_measured; ++i) {
        cursor.start(reader.chunk(i));
        auto& ids = load.chunks.emplace_back();
        for (auto step = cursor.next(); step != ChunkCursor::Step::end; step = cursor.next()) {
            if (step == ChunkCursor::Step::block) {
                ids.push_back(cursor.block().id);
                load.instructions += cursor.block().executed;
            }
        }
        load.executions += ids.size();
    }
    load.block_count = reader.blocks().size();
    return load;
}

double cpu_seconds(clockid_t clock) {
    timespec now;
    ::clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// Processor time of this thread or of all threads, which a busy machine disturbs less than real time.
double median_seconds(const std::function<void()>& run, clockid_t clock = CLOCK_THREAD_CPUTIME_ID) {
    std::vector<double> seconds;
    for (int i = 0; i < rounds; ++i) {
        const double start = cpu_seconds(clock);
        run();
        seconds.push_back(cpu_seconds(clock) - start);
    }
    std::sort(seconds.begin(), seconds.end());
    return seconds[seconds.size() / 2];
}

void report(const char* what, const Load& load, double seconds) {
    std::printf("%-28s %8.1f M blocks/s %9.1f M instr/s\n", what,
                static_cast<double>(load.executions) / seconds / 1e6,
                static_cast<double>(load.instructions) / seconds / 1e6);
}

void measure_coder(const Load& load) {
    std::vector<Bytes> columns(load.chunks.size());
    BlockEncoder encoder;
    report("encode", load, median_seconds([&] {
               for (size_t i = 0; i < columns.size(); ++i)
                   columns[i] = encoder.encode(load.chunks[i], load.block_count);
           }));
    BlockDecoder decoder;
    std::vector<uint32_t> part(4096);
    report("decode", load, median_seconds([&] {
               for (size_t i = 0; i < columns.size(); ++i) {
                   decoder.start(columns[i], load.chunks[i].size(), load.block_count);
                   while (decoder.decode(part) > 0) {
                   }
               }
           }));
    uint64_t raw = 0;
    uint64_t stored = 0;
    report("zstd -3", load, median_seconds([&] {
               raw = stored = 0;
               for (const Bytes& column : columns) {
                   raw += column.size();
                   stored += compress(column, 3).size();
               }
           }));
    std::printf("%-28s %8.4f bits/block raw %8.4f compressed; %.4f bits/instr\n", "size",
                8.0 * static_cast<double>(raw) / static_cast<double>(load.executions),
                8.0 * static_cast<double>(stored) / static_cast<double>(load.executions),
                8.0 * static_cast<double>(stored) / static_cast<double>(load.instructions));
}

void measure_whole(const Load& load) {
    const std::string path = std::filesystem::temp_directory_path() / "panda-trace-bench.capnp";
    WriterOptions options;
    options.if_exists = IfExists::overwrite;
    const std::vector<uint16_t> boundaries = {0, 3, 6, 9, 12, 15};
    const auto write = [&] {
        TraceWriter writer(path, {}, options);
        for (uint32_t i = 0; i < load.block_count; ++i)
            writer.define_block(
                {.pc = i * 20, .guest_size = 18, .code = {}, .instruction_offsets = boundaries});
        for (const auto& ids : load.chunks) {
            // In pieces, as they come out of the tracer's ring buffer.
            for (std::span<const uint32_t> rest(ids); !rest.empty();) {
                const auto piece = rest.first(std::min<size_t>(rest.size(), 8192));
                writer.append_blocks(piece);
                rest = rest.subspan(piece.size());
            }
        }
        writer.finish();
    };
    report("write, the caller's part", load, median_seconds(write));
    report("write, both threads", load, median_seconds(write, CLOCK_PROCESS_CPUTIME_ID));
    uint64_t executed = 0;
    report("read, whole", load, median_seconds([&] {
               TraceReader reader(path);
               ChunkCursor cursor(reader.blocks());
               while (const auto item = reader.next()) {
                   cursor.start(std::get<Chunk>(*item));
                   while (cursor.next() == ChunkCursor::Step::block)
                       executed += cursor.block().executed;
               }
           }));
    std::filesystem::remove(path);
    if (executed != 6 * load.executions * rounds)
        throw Error("the trace does not read back as it was written");
}

}  // namespace

int main(int argc, char** argv) {
    return run_main("trace_bench", [&] {
        const bench::Meanwhile meanwhile;
        const Load load = argc > 1 ? load_of(argv[1]) : made_up_load();
        std::printf("%zu chunks, %llu executions of %u blocks, %.1f M instr\n", load.chunks.size(),
                    static_cast<unsigned long long>(load.executions), load.block_count,
                    static_cast<double>(load.instructions) / 1e6);
        measure_coder(load);
        measure_whole(load);
        return exit_ok;
    });
}
