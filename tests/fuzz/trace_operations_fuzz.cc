// Takes any bytes as TCG operations: of a block (the first byte is its number of instructions), or, if the first byte is
// 0, as the fact that names operations. `--write-corpus DIRECTORY` writes blocks that QEMU translated.
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "tests/unit/tcg_samples.h"
#include "trace/tcg/operations.h"
#include "trace/tcg/print.h"

namespace {

using namespace panda;
using namespace panda::trace::tcg;

const tests::TcgSamples& samples() {
    static const tests::TcgSamples read = tests::read_tcg_samples(TCG_SAMPLES);
    return read;
}

void write_file(const std::string& path, char first, std::span<const std::byte> bytes) {
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out.put(first);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

[[noreturn]] void write_corpus(const std::string& directory) {
    size_t number = 0;
    for (const tests::TcgSample& sample : samples().blocks)
        write_file(directory + "/block" + std::to_string(number++), static_cast<char>(sample.instructions),
                   sample.bytes);
    const std::string& fact = samples().header.facts.at("tcg-operations");
    write_file(directory + "/fact", 0, std::as_bytes(std::span(fact)));
    std::exit(0);
}

void parse_block(uint32_t instructions, std::span<const std::byte> bytes) {
    static const Dialect dialect = Dialect::of(samples().header);
    const BlockOperations block = parse_operations(dialect, bytes, instructions);
    for (const Operation& operation : block.operations)
        operation_text(dialect, block, operation);
}

void parse_fact(std::span<const std::byte> bytes) {
    trace::TraceHeader header = samples().header;
    header.facts["tcg-operations"] = std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    Dialect::of(header);
    std::swap(header.facts["tcg-operations"], header.facts["tcg-globals"]);
    Dialect::of(header);
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int LLVMFuzzerInitialize(int* argc, char*** argv) {
    if (*argc == 3 && std::strcmp((*argv)[1], "--write-corpus") == 0)
        write_corpus((*argv)[2]);
    return 0;
}

extern "C" __attribute__((visibility("default"))) int LLVMFuzzerTestOneInput(const uint8_t* data,
                                                                             size_t size) {
    if (size == 0)
        return 0;
    const auto bytes = std::as_bytes(std::span(data + 1, size - 1));
    try {
        data[0] == 0 ? parse_fact(bytes) : parse_block(data[0], bytes);
    } catch (const Error&) {
    }
    return 0;
}
