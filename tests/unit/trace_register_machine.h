// A machine that has registers and little else. A random program runs on it, in blocks that change registers
// in the ways that programs do, and the machine keeps account of what each execution starts with.
#pragma once

#include "tests/unit/trace_generator.h"
#include "trace/reading/register_cursor.h"

namespace panda::trace_tests {

struct RegisterExecution {
    uint32_t id;
    BlockRegisters registers;
    bool operator==(const RegisterExecution&) const = default;
};

class RegisterMachine {
  public:
    explicit RegisterMachine(uint64_t seed) : random_(seed) {}

    // Writes a trace of so many executions, with events that tell of registers between some of them.
    void write(const std::string& path, WriterOptions options, unsigned executions) {
        options.if_exists = IfExists::overwrite;
        options.registers = true;
        TraceHeader header;
        header.memory_blocks = {{"ram", 4 * page_size}};
        TraceWriter writer(path, header, options);
        for (uint32_t id = 0; id < blocks; ++id)
            define(writer);
        begin_chunk(writer);
        for (unsigned i = 0; i < executions; ++i) {
            execute(writer, id_);
            happen(writer);
            id_ = one_in(6) ? static_cast<uint32_t>(below(blocks)) : (id_ + 1) % 4;
        }
        writer.finish();
    }
    // The next execution, for tests that do not write a trace.
    RegisterExecution run() {
        const RegisterExecution execution{id_, registers_};
        change(id_);
        id_ = one_in(6) ? static_cast<uint32_t>(below(blocks)) : (id_ + 1) % 4;
        return execution;
    }

    const std::vector<RegisterExecution>& executions() const { return executions_; }
    // If the event after this execution tells of registers, it tells a wrong rax.
    void lie_after(size_t execution) { lie_ = execution; }

    static constexpr uint32_t blocks = 40;

  private:
    uint64_t below(uint64_t bound) { return random_() % bound; }
    bool one_in(uint64_t n) { return below(n) == 0; }

    void define(TraceWriter& writer) {
        BlockDefinition block;
        block.pc = 0x1000 + 0x10 * defined_++;
        block.guest_size = 4;
        block.instruction_offsets = {0, 1, 3};
        writer.define_block(block);
    }

    void begin_chunk(TraceWriter& writer) {
        ChunkStart start;
        start.cpu.emplace();
        set_block_registers(*start.cpu, registers_);
        writer.begin_chunk(start);
    }

    void execute(TraceWriter& writer, uint32_t id) {
        executions_.push_back({id, registers_});
        writer.registers(id, registers_);
        if (one_in(10))
            writer.append_partial(id, 1);
        else
            writer.append_blocks({&id, 1});
        change(id);
    }

    // What block `id` does, nearly always.
    void change(uint32_t id) {
        for (unsigned number = 0; number < 1 + id % 5; ++number) {
            uint64_t& value = registers_[(id + 3 * number) % block_registers];
            switch ((id + number) % 6) {
                case 0:
                    value += 8 * (id % 3);
                    break;
                case 1:
                    value = registers_[(id + 1) % block_registers] + 16;
                    break;
                case 2:
                    value = random_() >> below(64);
                    break;
                case 3:
                    value = registers_[(id + 2) % block_registers];
                    break;
                case 4:
                    value -= uint64_t{1} << 40;
                    break;
                default:
                    value = below(3);
            }
        }
        if (one_in(20))
            registers_[below(block_registers)] = random_();
    }

    void happen(TraceWriter& writer) {
        const uint64_t lie = lie_ == executions_.size() ? 1 : 0;
        const uint64_t instr = writer.instr();
        if (one_in(30)) {
            writer.event(
                {instr, SystemReturn{ReturnGate::sysret, registers_[rax] + lie, registers_[rsp], 0}});
        } else if (lie != 0 || one_in(30)) {
            const auto& r = registers_;
            writer.event({instr, SystemCall{CallGate::syscall,
                                            r[rax] + lie,
                                            {r[rdi], r[rsi], r[rdx], r[r10], r[r8], r[r9]},
                                            r[rsp],
                                            0}});
            if (lie == 0 && one_in(2)) {  // what it told no longer holds
                registers_[rax] ^= 1;
                writer.event({instr, Interrupt{32, InterruptSource::hardware}});
            }
        } else if (one_in(50)) {
            begin_chunk(writer);
        }
    }

    std::mt19937_64 random_;
    uint64_t defined_ = 0;
    uint32_t id_ = 0;
    BlockRegisters registers_{};
    std::vector<RegisterExecution> executions_;
    size_t lie_ = ~size_t{0};
};

// The registers of executions that a trace tells, with its chunks in this order.
inline std::vector<RegisterExecution> told_registers(TraceReader& reader) {
    std::vector<RegisterExecution> told;
    ChunkCursor cursor(reader.blocks());
    RegisterCursor registers;
    while (const auto item = reader.next()) {
        const auto* chunk = std::get_if<Chunk>(&*item);
        if (chunk == nullptr)
            continue;
        cursor.start(*chunk);
        registers.start(*chunk);
        for (auto step = cursor.next(); step != ChunkCursor::Step::end; step = cursor.next())
            if (step == ChunkCursor::Step::block)
                told.push_back({cursor.block().id, registers.next(cursor.block().id)});
        registers.check_end();
    }
    return told;
}

}  // namespace panda::trace_tests
