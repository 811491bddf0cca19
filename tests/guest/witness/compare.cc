// Compares a trace with what the witness (plugin.c) wrote about the same replay: they must have the same
// instructions, each with the same loads and stores, in the same order. usage: witness_compare TRACE WITNESS
//
// Known differences: an instruction that repeats itself (rep) is one instruction to the witness as long as it
// stays in its block. Interrupt and exception frames, which no block stores, are invisible to it, and it does
// not know values of loads that the trace leaves out. It knows only those flags that instructions do not
// compute, and in 32-bit code only the low halves of the first eight registers.
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <deque>
#include <fstream>
#include <span>
#include <string>
#include <utility>

#include "common/command_line.h"
#include "common/error.h"
#include "trace/reading/chunk.h"
#include "trace/reading/reader.h"
#include "trace/reading/register_cursor.h"

namespace {

using namespace panda;

struct Record {
    uint64_t kind, address, low, high;

    bool instruction() const { return kind == 0; }
    bool registers() const { return kind == 3; }
    bool store() const { return (kind & 0xff) == 2; }
    unsigned size() const { return static_cast<unsigned>(kind >> 8); }
};

// The registers folded as the witness does it. long_code: the processor runs 64-bit code.
uint64_t folded(const trace::BlockRegisters& registers, bool long_code) {
    uint64_t sum = 0xcbf29ce484222325;
    for (unsigned number = 0; number < trace::rflags_number; ++number) {
        uint64_t value = registers[number];
        if (!long_code)
            value = number < trace::r8 ? value & UINT32_MAX : 0;
        sum = (sum ^ value) * 0x100000001b3;
    }
    return sum;
}

class Witness {
  public:
    explicit Witness(const std::string& file) : file_(file, std::ios::binary) {
        if (!file_)
            throw FileError(file, "cannot be opened");
    }
    // The record that is `ahead` records after the next one; nullptr after the last.
    const Record* peek(size_t ahead = 0) {
        Record record;
        while (records_.size() <= ahead) {
            if (!file_.read(reinterpret_cast<char*>(&record), sizeof(record)))
                return nullptr;
            records_.push_back(record);
        }
        return &records_[ahead];
    }
    void advance() { records_.pop_front(); }

  private:
    std::ifstream file_;
    std::deque<Record> records_;
};

struct Comparison {
    Witness witness;
    uint64_t last_pc = ~uint64_t{0};
    uint64_t instructions = 0;
    uint64_t loads = 0;
    uint64_t stores = 0;
    uint64_t frames = 0;  // accesses that only the trace has
    uint64_t blocks = 0;  // whose registers agree
    bool after_event = false;

    [[noreturn]] void differ(uint64_t instr, const std::string& traced) {
        char seen[160] = "nothing more";
        if (const Record* next = witness.peek())
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
        const Record* next = witness.peek();
        if (next && next->instruction() && next->address == pc) {
            witness.advance();
            ++instructions;
        } else if (pc != last_pc) {
            differ(instr, text("instruction", pc));
        }
        last_pc = pc;
    }

    // A block starts. The witness sees only blocks that QEMU enters, not an instruction that repeats itself.
    void begin_block(uint64_t instr, const trace::BlockView& block, const trace::BlockRegisters& registers) {
        constexpr uint64_t code64 = 1 << 15;          // HF_CS64_MASK of QEMU's target/i386/cpu.h
        constexpr uint64_t computed = 0x8d5 | 0x400;  // OF, SF, ZF, AF, PF, CF, and DF
        const Record* next = witness.peek();
        if (next == nullptr || !next->registers()) {
            if (block.pc != last_pc)
                differ(instr, text("a block at", block.pc));
            return;
        }
        if (next->address != block.pc || next->low != folded(registers, (block.flags & code64) != 0) ||
            (next->high | computed) != (registers[trace::rflags_number] | computed))
            differ(instr, text("other registers at", block.pc));
        witness.advance();
        ++blocks;
    }

    static bool visible(const trace::Access& access) {
        return access.kind != trace::AccessKind::fill && access.kind != trace::AccessKind::table_write;
    }
    static bool same(const Record* record, const trace::Access& access) {
        return record != nullptr && !record->instruction() && record->address == access.address &&
               record->size() == access.size && record->store() == access.is_store() &&
               (!access.is_store() || (record->low == access.value && record->high == access.value_high));
    }

    void access(uint64_t instr, const trace::Access& access) {
        if (!visible(access))
            return;
        if (!same(witness.peek(), access))
            differ(instr, text(access.is_store() ? "store" : "load", access.address) + " size " +
                              std::to_string(access.size) + text(" value", access.value));
        witness.advance();
        ++(access.is_store() ? stores : loads);
    }

    // How many of the accesses of the first instruction after an event belong to an interrupt's or
    // exception's frame: helpers' accesses, up to where the rest is what the witness has.
    size_t frame_length(std::span<const trace::Access> first) {
        for (size_t length = 0;; ++length) {
            size_t ahead = 0;
            const auto rest = first.subspan(length);
            if (std::ranges::all_of(rest, [&](const trace::Access& access) {
                    return !visible(access) || same(witness.peek(ahead++), access);
                }))
                return length;
            if (first[length].kind == trace::AccessKind::load ||
                first[length].kind == trace::AccessKind::store)
                return length;  // access() says what differs
        }
    }
};

void compare_block(Comparison& comparison, const trace::BlockView& block,
                   const trace::BlockExecution& execution, std::span<const trace::Access> accesses) {
    // An instruction that was cut short was started, and the witness saw that.
    const auto begun =
        std::min<uint32_t>(execution.executed + 1, static_cast<uint32_t>(block.instruction_offsets.size()));
    for (uint32_t i = 0; i < begun; i++) {
        comparison.instruction(execution.instr + i, block.pc + block.instruction_offsets[i]);
        const auto end = std::ranges::find_if(
            accesses, [i](const trace::Access& access) { return access.instruction != i; });
        auto own = accesses.first(static_cast<size_t>(end - accesses.begin()));
        accesses = accesses.subspan(own.size());
        if (std::exchange(comparison.after_event, false)) {
            const size_t frame = comparison.frame_length(own);
            comparison.frames +=
                static_cast<uint64_t>(std::ranges::count_if(own.first(frame), Comparison::visible));
            own = own.subspan(frame);
        }
        for (const trace::Access& access : own)
            comparison.access(execution.instr + i, access);
    }
}

void skip_collapsed(Comparison& comparison) {
    // The block was started again (a device access recompiles it, or its code changed).
    for (const Record* next = comparison.witness.peek();
         next != nullptr && (next->instruction() || next->registers()) && next->address == comparison.last_pc;
         next = comparison.witness.peek())
        comparison.witness.advance();
}

int run(int argc, char** argv) {
    if (argc != 3)
        throw UsageError("a trace and a witness's file are needed");
    trace::TraceReader reader(argv[1]);
    Comparison comparison{.witness = Witness(argv[2])};
    trace::ChunkCursor cursor(reader.blocks());
    trace::RegisterCursor registers;
    while (const auto item = reader.next()) {
        const auto* chunk = std::get_if<trace::Chunk>(&*item);
        if (chunk == nullptr)
            continue;
        cursor.start(*chunk, trace::CursorColumns::memory);
        registers.start(*chunk);
        for (auto step = cursor.next(); step != trace::ChunkCursor::Step::end; step = cursor.next()) {
            if (step == trace::ChunkCursor::Step::event) {
                comparison.after_event = true;
                continue;
            }
            comparison.begin_block(cursor.block().instr, reader.blocks()[cursor.block().id],
                                   registers.next(cursor.block().id));
            compare_block(comparison, reader.blocks()[cursor.block().id], cursor.block(), cursor.accesses());
            skip_collapsed(comparison);
        }
    }
    if (comparison.witness.peek() != nullptr)
        comparison.differ(0, "its end");
    std::printf(
        "%" PRIu64 " instructions, %" PRIu64 " loads, %" PRIu64 " stores agree; %" PRIu64
        " accesses of interrupts and exceptions only in the trace; the registers at the starts of %" PRIu64
        " blocks agree\n",
        comparison.instructions, comparison.loads, comparison.stores, comparison.frames, comparison.blocks);
    return comparison.instructions > 0 && comparison.loads > 0 && comparison.blocks > 0 ? exit_ok
                                                                                        : exit_failed;
}

}  // namespace

int main(int argc, char** argv) {
    return run_main("witness_compare", [&] { return run(argc, argv); });
}
