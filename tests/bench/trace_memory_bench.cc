// Measures how fast and how small the memory columns are: trace_memory_bench TRACE on the executions of a
// real trace, trace_memory_bench alone on a made-up program. Prints the best of several rounds, in processor
// time.
#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "common/command_line.h"
#include "tests/bench/meanwhile.h"
#include "trace/edit/execution_words.h"
#include "trace/reading/reader.h"
#include "trace/writing/writer.h"

namespace {

using namespace panda;
using namespace panda::trace;

constexpr uint32_t chunk_blocks = 1u << 20;
constexpr size_t max_chunks = 16;
constexpr int rounds = 3;

// Executions as they are in the tracer's ring.
struct Load {
    struct Execution {
        uint32_t id;
        uint16_t executed;
        uint16_t words;  // how many it left
        bool whole;
    };
    std::vector<BlockDefinition> blocks;
    std::vector<Execution> executions;
    std::vector<uint64_t> words;
    uint64_t instructions = 0;
    uint64_t accesses = 0;
};

// --- A load from a trace ---

BlockDefinition definition_of(const BlockView& view) {
    BlockDefinition block;
    block.pc = view.pc;
    block.guest_size = view.guest_size;
    block.instruction_offsets.assign(view.instruction_offsets.begin(), view.instruction_offsets.end());
    block.operations = operations_alone(view.operations);
    return block;
}

bool is_of(const Access& access, const MemoryOperation& operation) {
    return access.instruction == operation.instruction && access.size == operation.size &&
           access.kind == (operation.store ? AccessKind::store : AccessKind::load);
}

// The words that an execution would have left if no registers were followed, without what helpers did.
void put_words(const BlockDefinition& block, std::span<const Access> accesses, std::vector<uint64_t>& words) {
    size_t next = 0;
    const auto skip_inner = [&] {
        while (next < accesses.size() && accesses[next].kind >= AccessKind::helper_load)
            ++next;
    };
    for (const MemoryOperation& operation : block.operations) {
        skip_inner();
        const bool ran = next < accesses.size() && is_of(accesses[next], operation);
        const Access access = ran ? accesses[next++] : Access{.address = MemoryOperation::not_run};
        if (operation.has_address_word())
            words.push_back(access.address);
        if (operation.value_words() > 0)
            words.push_back(access.value);
        if (operation.value_words() > 1)
            words.push_back(access.value_high);
    }
}

Load load_of(const std::string& path) {
    Load load;
    TraceReader reader(path);
    reader.load_blocks();
    for (uint32_t id = 0; id < reader.blocks().size(); ++id)
        load.blocks.push_back(definition_of(reader.blocks()[id]));
    ChunkCursor cursor(reader.blocks());
    const size_t chunks = reader.contents().chunks.size();
    const size_t step = std::max<size_t>(1, chunks / max_chunks);  // all over the trace
    for (size_t i = 0; i < chunks; i += step) {
        cursor.start(reader.chunk(i), CursorColumns::memory);
        for (auto at = cursor.next(); at != ChunkCursor::Step::end; at = cursor.next()) {
            if (at != ChunkCursor::Step::block)
                continue;
            const size_t before = load.words.size();
            put_words(load.blocks[cursor.block().id], cursor.accesses(), load.words);
            const uint32_t executed = cursor.block().executed;
            load.executions.push_back({cursor.block().id, static_cast<uint16_t>(executed),
                                       static_cast<uint16_t>(load.words.size() - before),
                                       executed == reader.blocks().instruction_count(cursor.block().id)});
            load.instructions += cursor.block().executed;
            load.accesses += static_cast<uint64_t>(std::ranges::count_if(
                cursor.accesses(), [](const Access& a) { return a.kind < AccessKind::helper_load; }));
        }
    }
    return load;
}

// --- A made-up load ---

// A program of procedures with frames on a stack, which walk arrays, follow pointers, count and copy. About
// one access in thirty cannot be predicted.
class MadeUpProgram {
  public:
    Load run() {
        for (uint32_t id = 0; id < block_count; ++id)
            define(id);
        uint32_t id = 0;
        while (load_.executions.size() < size_t{8} * chunk_blocks) {
            const uint32_t loop = id - id % loop_blocks;
            for (uint64_t repeats = random_() % 40; repeats > 0; --repeats) {
                for (uint32_t i = 0; i < loop_blocks; ++i)
                    execute(loop + i);
            }
            id = static_cast<uint32_t>(random_() % 4 == 0 ? random_() % block_count
                                                          : (id + loop_blocks) % 2000);
        }
        return std::move(load_);
    }

  private:
    static constexpr uint32_t block_count = 40000;
    static constexpr uint32_t loop_blocks = 4;
    enum Habit : uint8_t { frame, array, pointer, global };

    void define(uint32_t id) {
        BlockDefinition block;
        block.pc = id * 32;
        block.guest_size = 24;
        block.instruction_offsets = {0, 4, 8, 12, 16, 20};
        for (uint16_t i = 0; i < 6; ++i) {
            if (random_() % 10 < 6)
                continue;
            MemoryOperation operation;
            operation.instruction = i;
            operation.store = random_() % 5 < 2;
            operation.size = random_() % 4 == 0 ? 4 : 8;
            if (!block.operations.empty() && random_() % 3 == 0 && block.operations[0].has_address_word()) {
                operation.base = 0;
                operation.delta = static_cast<int64_t>(random_() % 128);
            }
            block.operations.push_back(operation);
            habits_[id].push_back(static_cast<Habit>(random_() % 4));
            fields_[id].push_back(8 * (random_() % 16));
        }
        arrays_.push_back(random_() & 0xffff'ffff'f000);
        load_.blocks.push_back(std::move(block));
    }

    uint64_t address(uint32_t id, size_t operation) {
        if (random_() % 30 == 0)
            return objects_ + 64 * (random_() % 100000);
        switch (habits_[id][operation]) {
            case frame:
                return stack_ + fields_[id][operation];
            case array:
                return arrays_[id] += 8;
            case pointer:
                return object_ + fields_[id][operation];
            default:
                return 0xffff'ffff'8200'0000 + id * 64;
        }
    }
    uint64_t value(uint32_t id, size_t operation) {
        switch ((habits_[id][operation] + operation) % 4) {
            case 0:
                return counter_++;
            case 1:
                return stack_ + 64;
            case 2:
                return random_() % 10 == 0 ? random_() : id;
            default:
                return 0;
        }
    }

    void execute(uint32_t id) {
        if (random_() % 64 == 0)
            stack_ += 128 * (random_() % 3) - 128;
        if (random_() % 16 == 0)
            object_ = objects_ + 64 * (random_() % 1000);
        const BlockDefinition& block = load_.blocks[id];
        const size_t before = load_.words.size();
        for (size_t i = 0; i < block.operations.size(); ++i) {
            if (block.operations[i].has_address_word())
                load_.words.push_back(address(id, i));
            if (block.operations[i].store)
                load_.words.push_back(value(id, i));
        }
        load_.executions.push_back({id, 6, static_cast<uint16_t>(load_.words.size() - before), true});
        load_.instructions += 6;
        load_.accesses += block.operations.size();
    }

    std::mt19937_64 random_{1};
    Load load_;
    std::map<uint32_t, std::vector<Habit>> habits_;
    std::map<uint32_t, std::vector<uint64_t>> fields_;
    std::vector<uint64_t> arrays_;
    uint64_t stack_ = 0x7ffd'0000'8000;
    uint64_t objects_ = 0xffff'8880'0000'0000;
    uint64_t object_ = 0xffff'8880'0000'0000;
    uint64_t counter_ = 0;
};

// --- Measuring ---

double cpu_seconds(clockid_t clock) {
    timespec now;
    ::clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// Processor time of the calling thread, and of all threads together.
struct Seconds {
    double own = 1e9;
    double all = 1e9;
};

Seconds best_of(const std::function<void()>& run) {
    Seconds best;
    for (int i = 0; i < rounds; ++i) {
        const double own = cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
        const double all = cpu_seconds(CLOCK_PROCESS_CPUTIME_ID);
        run();
        best.own = std::min(best.own, cpu_seconds(CLOCK_THREAD_CPUTIME_ID) - own);
        best.all = std::min(best.all, cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - all);
    }
    return best;
}

void report(const std::string& what, const Load& load, double seconds) {
    std::printf("%-36s %8.1f M instr/s %7.2f ns/execution\n", what.c_str(),
                static_cast<double>(load.instructions) / seconds / 1e6,
                seconds * 1e9 / static_cast<double>(load.executions.size()));
}

// The load as it is in a ring: whole executions as records, and between them those that were cut.
struct Ring {
    struct Piece {
        size_t begin, end;           // in `records`, in units of 4 bytes
        const Load::Execution* cut;  // or this cut execution
        size_t words;                // where its words are in `cut_words`
    };
    std::vector<uint32_t> records;
    std::vector<uint32_t> cut_words;  // pairs
    std::vector<Piece> pieces;
};

// Those of an execution's words (addresses and values) that a trace records.
void put_recorded(std::vector<uint32_t>& records, std::span<const MemoryOperation> operations,
                  const uint64_t* words, MemoryColumns memory) {
    const auto put = [&records](uint64_t word) {
        records.push_back(static_cast<uint32_t>(word));
        records.push_back(static_cast<uint32_t>(word >> 32));
    };
    for (const MemoryOperation& operation : operations) {
        if (operation.has_address_word())
            put(*words++);
        for (uint32_t i = 0; i < operation.value_words(); ++i, ++words)
            if (memory == MemoryColumns::values)
                put(*words);
    }
}

Ring ring_of(const Load& load, MemoryColumns memory) {
    constexpr size_t piece_size = 1u << 16;
    Ring ring;
    const uint64_t* words = load.words.data();
    size_t begin = 0;
    const auto flush = [&] {
        if (ring.records.size() > begin)
            ring.pieces.push_back({begin, ring.records.size(), nullptr, 0});
        begin = ring.records.size();
    };
    for (const Load::Execution& execution : load.executions) {
        if (!execution.whole) {
            flush();
            ring.pieces.push_back({0, 0, &execution, ring.cut_words.size()});
            put_recorded(ring.cut_words, load.blocks[execution.id].operations, words, memory);
        } else {
            const size_t head = ring.records.size();
            ring.records.push_back(0);
            uint32_t count = 0;
            if (memory != MemoryColumns::none) {
                ring.records.push_back(0);
                put_recorded(ring.records, load.blocks[execution.id].operations, words, memory);
                count = static_cast<uint32_t>((ring.records.size() - head) / 2 - 1);
            }
            ring.records[head] = record_head(execution.id, count);
            if (ring.records.size() - begin >= piece_size)
                flush();
        }
        words += execution.words;
    }
    flush();
    return ring;
}

void write(const Load& load, const Ring& ring, const std::string& path, MemoryColumns memory) {
    WriterOptions options;
    options.if_exists = IfExists::overwrite;
    options.chunk_blocks = chunk_blocks;
    options.memory = memory;
    TraceWriter writer(path, {}, options);
    for (const BlockDefinition& block : load.blocks)
        writer.define_block(block);
    for (const Ring::Piece& piece : ring.pieces) {
        if (piece.cut != nullptr)
            writer.append_cut(piece.cut->id, piece.cut->executed,
                              reinterpret_cast<const uint64_t*>(ring.cut_words.data() + piece.words));
        else
            writer.append_records(
                std::as_bytes(std::span(ring.records).subspan(piece.begin, piece.end - piece.begin)));
    }
    writer.finish();
}

void report_sizes(const Load& load, const std::string& path) {
    std::map<std::string, ColumnSize> sizes;
    TraceReader reader(path);
    while (const auto item = reader.next()) {
        for (const ColumnSize& column : std::get<Chunk>(*item).columns()) {
            sizes[column.name].records += column.records;
            sizes[column.name].raw_bytes += column.raw_bytes;
            sizes[column.name].stored_bytes += column.stored_bytes;
        }
    }
    for (const auto& [name, size] : sizes)
        std::printf("  %-14s %10llu records, raw %7.4f, stored %7.4f bits/instr\n", name.c_str(),
                    static_cast<unsigned long long>(size.records),
                    8.0 * static_cast<double>(size.raw_bytes) / static_cast<double>(load.instructions),
                    8.0 * static_cast<double>(size.stored_bytes) / static_cast<double>(load.instructions));
}

uint64_t read(const std::string& path, CursorColumns columns) {
    TraceReader reader(path);
    ChunkCursor cursor(reader.blocks());
    uint64_t accesses = 0;
    while (const auto item = reader.next()) {
        cursor.start(std::get<Chunk>(*item), columns);
        while (cursor.next() == ChunkCursor::Step::block) {
            if (columns == CursorColumns::memory)
                accesses += cursor.accesses().size();
        }
    }
    return accesses;
}

void measure(const Load& load, MemoryColumns memory, const std::string& name) {
    const std::string path = std::filesystem::temp_directory_path() / "panda-trace-memory-bench.capnp";
    const Ring ring = ring_of(load, memory);
    const Seconds writing = best_of([&] { write(load, ring, path, memory); });
    report("write " + name + ", the caller's part", load, writing.own);
    report("write " + name + ", both threads", load, writing.all);
    report_sizes(load, path);
    if (memory != MemoryColumns::none) {
        uint64_t accesses = 0;
        const Seconds reading = best_of([&] { accesses = read(path, CursorColumns::memory); });
        report("read " + name, load, reading.own);
        if (accesses != load.accesses)
            throw Error("the trace does not read back as it was written");
    }
    report("read blocks only", load, best_of([&] { read(path, CursorColumns::blocks); }).own);
    std::filesystem::remove(path);
}

}  // namespace

int main(int argc, char** argv) {
    return run_main("trace_memory_bench", [&] {
        const bench::Meanwhile meanwhile;
        const Load load = argc > 1 ? load_of(argv[1]) : MadeUpProgram().run();
        std::printf("%zu executions of %zu blocks, %.1f M instr, %.1f M accesses, %.1f M words\n",
                    load.executions.size(), load.blocks.size(), static_cast<double>(load.instructions) / 1e6,
                    static_cast<double>(load.accesses) / 1e6, static_cast<double>(load.words.size()) / 1e6);
        measure(load, MemoryColumns::none, "blocks");
        measure(load, MemoryColumns::addresses, "addresses");
        measure(load, MemoryColumns::values, "values");
        return exit_ok;
    });
}
