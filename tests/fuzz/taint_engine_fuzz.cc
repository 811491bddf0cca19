// Takes any bytes as the TCG operations of a block, and runs it with everything tainted: its accesses are made up from the
// bytes as well, some of them missing. `--write-corpus DIRECTORY` writes blocks that QEMU translated.
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "analyzers/taint/engine.h"
#include "common/error.h"
#include "tests/unit/tcg_samples.h"

namespace {

using namespace panda;
using namespace panda::taint;
using trace::tcg::Opcode;

constexpr uint64_t memory_size = 8192;

const tests::TcgSamples& samples() {
    static const tests::TcgSamples read = tests::read_tcg_samples(TCG_SAMPLES);
    return read;
}

[[noreturn]] void write_corpus(const std::string& directory) {
    size_t number = 0;
    for (const tests::TcgSample& sample : samples().blocks) {
        std::ofstream out(directory + "/block" + std::to_string(number++),
                          std::ios::binary | std::ios::trunc);
        out.put(static_cast<char>(sample.instructions));
        out.put('\x5a');
        out.write(reinterpret_cast<const char*>(sample.bytes.data()),
                  static_cast<std::streamsize>(sample.bytes.size()));
    }
    std::exit(0);
}

struct Accesses {
    std::vector<trace::MemoryOperation> operations;
    std::vector<trace::Access> made;
};

// Loads and stores that fit the block's operations, of which `pattern` leaves out some.
Accesses accesses_of(const trace::tcg::BlockOperations& code, uint8_t pattern) {
    Accesses accesses;
    uint64_t address = 64;
    for (const trace::tcg::Operation& operation : code.operations) {
        if (operation.opcode == Opcode::call) {
            for (const auto kind : {trace::AccessKind::helper_load, trace::AccessKind::helper_store})
                accesses.made.push_back({address += 24, 0, 0, operation.instruction, 8, kind});
            continue;
        }
        const bool load = operation.opcode == Opcode::qemu_ld;
        if (!load && operation.opcode != Opcode::qemu_st && operation.opcode != Opcode::qemu_st8)
            continue;
        trace::MemoryOperation made;
        made.instruction = operation.instruction;
        made.size = static_cast<uint8_t>(code.access(operation).size());
        made.store = !load;
        made.conditional = (pattern & 1) != 0;
        accesses.operations.push_back(made);
        pattern = static_cast<uint8_t>(pattern << 7 | pattern >> 1);
        if ((pattern & 1) == 0)
            accesses.made.push_back({address += 20, 1, 2, operation.instruction, made.size,
                                     load ? trace::AccessKind::load : trace::AccessKind::store});
    }
    return accesses;
}

void run(uint32_t instructions, uint8_t pattern, std::span<const std::byte> bytes) {
    static const trace::tcg::Dialect dialect = trace::tcg::Dialect::of(samples().header);
    static const std::string name = "fuzz";
    const trace::tcg::BlockOperations code = parse_operations(dialect, bytes, instructions);
    Accesses accesses = accesses_of(code, pattern);
    trace::BlockDefinition block;
    for (uint32_t i = 0; i < instructions; ++i)
        block.instruction_offsets.push_back(static_cast<uint16_t>(i));
    block.guest_size = instructions;
    block.tcg.assign(bytes.begin(), bytes.end());
    block.operations = accesses.operations;
    trace::BlockTable blocks;
    blocks.append(block);
    const std::vector<std::byte> memory(memory_size);
    Engine engine(dialect, blocks, name, memory, {.pointers = PointerPolicy::all}, {.max_labels = 64});
    std::vector<Reach> reaches;
    for (const trace::Access& access : accesses.made)
        reaches.push_back({&access, access.address % (memory_size - 64), access.size, Reach::nowhere});
    for (uint64_t i = 0; i < memory_size; i += 3)
        engine.memory().set(i, byte_taint(engine.tags().of_label(static_cast<Label>(i)), 0x11));
    for (int64_t offset = 0; offset < 256; offset += 2)
        engine.state().set(offset, byte_taint(engine.tags().of_label(5), 0xf0));
    engine.is_clean(0);
    const uint32_t middle = instructions / 2;
    engine.run({.block = 0, .from = 0, .to = middle, .reaches = reaches});
    engine.run({.block = 0,
                .from = middle,
                .to = instructions,
                .begun = (pattern & 0x80) != 0,
                .first = false,
                .reaches = reaches,
                .deliveries = reaches});
    engine.memory().for_each([&](uint64_t, ByteTaint taint) {
        if (tag_of(taint) == clean || mask_of(taint) == 0)
            std::abort();
    });
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int LLVMFuzzerInitialize(int* argc, char*** argv) {
    if (*argc == 3 && std::strcmp((*argv)[1], "--write-corpus") == 0)
        write_corpus((*argv)[2]);
    return 0;
}

extern "C" __attribute__((visibility("default"))) int LLVMFuzzerTestOneInput(const uint8_t* data,
                                                                             size_t size) {
    if (size < 3 || data[0] == 0)
        return 0;
    try {
        run(data[0], data[1], std::as_bytes(std::span(data, size)).subspan(2));
    } catch (const Error&) {
    }
    return 0;
}
