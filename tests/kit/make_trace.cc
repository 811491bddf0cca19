// Writes a small trace for the analyzers of the kit's test. usage: kit_trace FILE
#include <cstdint>
#include <iostream>
#include <vector>

#include "common/command_line.h"
#include "common/error.h"
#include "trace/writing/writer.h"

namespace {

using namespace panda;
using namespace panda::trace;

constexpr uint32_t user_flags = 3;  // privilege level

BlockDefinition block_at(uint64_t pc, uint16_t instructions, uint64_t flags) {
    BlockDefinition block;
    block.pc = pc;
    block.flags = flags;
    block.guest_size = instructions;
    for (uint16_t number = 0; number < instructions; ++number)
        block.instruction_offsets.push_back(number);
    return block;
}

// Two programs that take turns, with a kernel between them; chunks are small, so that several threads share the work.
void write(const std::string& path) {
    TraceHeader header;
    header.architecture = "x86_64";
    WriterOptions options;
    options.if_exists = IfExists::overwrite;
    options.chunk_blocks = 50;
    TraceWriter writer(path, header, options);
    const uint32_t kernel = writer.define_block(block_at(0xffffffff81000000, 5, 0));
    std::vector<uint32_t> user;
    for (uint16_t number = 0; number < 6; ++number)
        user.push_back(writer.define_block(block_at(0x400000 + 16u * number, 1 + number, user_flags)));
    for (unsigned turn = 0; turn < 40; ++turn) {
        writer.event({writer.instr(), AddressSpaceChange{turn % 2 == 0 ? 0x1000u : 0x2000u}});
        writer.append_blocks(std::vector(3, kernel));
        for (unsigned number = 0; number <= turn / 8; ++number)
            writer.append_blocks(std::vector(turn % 3, user[number]));
    }
    writer.finish();
}

}  // namespace

int main(int count, char** arguments) {
    return run_main("kit_trace", [&] {
        if (count != 2)
            throw UsageError("one argument: the trace to write");
        write(arguments[1]);
        return exit_ok;
    });
}
