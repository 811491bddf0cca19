// Compares a trace with what the witness (plugin.c) wrote of the same replay: the same instructions, each
// with the same loads and stores, in the same order. usage: witness_compare TRACE WITNESS
//
// Stated differences: an instruction that repeats itself (rep) is one instruction to the witness as long as
// it stays in its block; interrupt and exception frames, which no block stores, are invisible to it; and it
// does not know values of loads that the trace leaves out.
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "common/command_line.h"
#include "common/error.h"
#include "trace/chunk.h"
#include "trace/reader.h"

namespace {

using namespace panda;

struct Record {
    uint64_t kind, address, low, high;

    bool instruction() const { return kind == 0; }
    bool store() const { return (kind & 0xff) == 2; }
    unsigned size() const { return static_cast<unsigned>(kind >> 8); }
};

class Witness {
  public:
    explicit Witness(const std::string& file) : file_(file, std::ios::binary) {
        if (!file_)
            throw FileError(file, "cannot be opened");
        advance();
    }
    const std::optional<Record>& next() const { return next_; }
    void advance() {
        Record record;
        next_.reset();
        if (file_.read(reinterpret_cast<char*>(&record), sizeof(record)))
            next_ = record;
        ++count_;
    }
    uint64_t count() const { return count_; }

  private:
    std::ifstream file_;
    std::optional<Record> next_;
    uint64_t count_ = 0;
};

struct Comparison {
    Witness witness;
    uint64_t last_pc = ~uint64_t{0};
    uint64_t instructions = 0;
    uint64_t loads = 0;
    uint64_t stores = 0;
    uint64_t frames = 0;  // accesses that only the trace has
    bool after_event = false;

    [[noreturn]] void differ(uint64_t instr, const std::string& traced) const {
        char seen[160] = "nothing more";
        if (const auto& next = witness.next())
            std::snprintf(seen, sizeof(seen), "%s %#" PRIx64 " size %u value %#" PRIx64,
                          next->instruction() ? "instruction"
                          : next->store()     ? "store"
                                              : "load",
                          next->address, next->size(), next->low);
        throw Error("at instr " + std::to_string(instr) + " the trace has " + traced + ", the witness " +
                    seen);
    }

    static std::string text(const char* what, uint64_t address) {
        char line[64];
        std::snprintf(line, sizeof(line), "%s %#" PRIx64, what, address);
        return line;
    }

    void instruction(uint64_t instr, uint64_t pc) {
        const auto& next = witness.next();
        if (next && next->instruction() && next->address == pc) {
            witness.advance();
            ++instructions;
        } else if (pc != last_pc) {
            differ(instr, text("instruction", pc));
        }
        last_pc = pc;
    }

    void access(uint64_t instr, const trace::Access& access) {
        using trace::AccessKind;
        if (access.kind == AccessKind::fill || access.kind == AccessKind::table_write)
            return;
        const bool helper = access.kind == AccessKind::helper_load || access.kind == AccessKind::helper_store;
        const auto& next = witness.next();
        const bool same =
            next && !next->instruction() && next->address == access.address && next->size() == access.size &&
            next->store() == access.is_store() &&
            (!access.is_store() || (next->low == access.value && next->high == access.value_high));
        if (!same && helper && after_event) {
            ++frames;
            return;
        }
        if (!same)
            differ(instr, text(access.is_store() ? "store" : "load", access.address) + " size " +
                              std::to_string(access.size) + text(" value", access.value));
        witness.advance();
        ++(access.is_store() ? stores : loads);
    }
};

void compare_block(Comparison& comparison, const trace::BlockView& block,
                   const trace::BlockExecution& execution, std::span<const trace::Access> accesses) {
    size_t next = 0;
    // What the processor did before the block: frames. They stand before the first instruction's own
    // accesses.
    if (comparison.after_event) {
        for (; next < accesses.size() && accesses[next].instruction == 0 &&
               accesses[next].kind != trace::AccessKind::load &&
               accesses[next].kind != trace::AccessKind::store;
             ++next)
            if (comparison.witness.next() && comparison.witness.next()->instruction())
                comparison.access(execution.instr, accesses[next]);
    }
    comparison.after_event = false;
    // An instruction that was cut short was begun, and the witness saw that.
    const auto begun =
        std::min<uint32_t>(execution.executed + 1, static_cast<uint32_t>(block.instruction_offsets.size()));
    for (uint32_t i = 0; i < begun; i++) {
        comparison.instruction(execution.instr + i, block.pc + block.instruction_offsets[i]);
        for (; next < accesses.size() && accesses[next].instruction == i; ++next)
            comparison.access(execution.instr + i, accesses[next]);
    }
}

void skip_collapsed(Comparison& comparison) {
    // Begun again from the start of the block (device access recompiles it, code changed under it).
    while (comparison.witness.next() && comparison.witness.next()->instruction() &&
           comparison.witness.next()->address == comparison.last_pc)
        comparison.witness.advance();
}

int run(int argc, char** argv) {
    if (argc != 3)
        throw UsageError("a trace and a witness's file are needed");
    trace::TraceReader reader(argv[1]);
    Comparison comparison{.witness = Witness(argv[2])};
    trace::ChunkCursor cursor(reader.blocks());
    while (const auto item = reader.next()) {
        const auto* chunk = std::get_if<trace::Chunk>(&*item);
        if (chunk == nullptr)
            continue;
        cursor.start(*chunk, trace::CursorColumns::memory);
        for (auto step = cursor.next(); step != trace::ChunkCursor::Step::end; step = cursor.next()) {
            if (step == trace::ChunkCursor::Step::event) {
                comparison.after_event = true;
                continue;
            }
            compare_block(comparison, reader.blocks()[cursor.block().id], cursor.block(), cursor.accesses());
            skip_collapsed(comparison);
        }
    }
    if (comparison.witness.next())
        comparison.differ(0, "its end");
    std::printf("%" PRIu64 " instructions, %" PRIu64 " loads, %" PRIu64 " stores agree; %" PRIu64
                " accesses of interrupts and exceptions only in the trace\n",
                comparison.instructions, comparison.loads, comparison.stores, comparison.frames);
    return comparison.instructions > 0 && comparison.loads > 0 ? exit_ok : exit_failed;
}

}  // namespace

int main(int argc, char** argv) {
    return run_main("witness_compare", [&] { return run(argc, argv); });
}
