// Takes any bytes as a trace, for everything that follows memory through it. Checksums are made right first,
// because otherwise the fuzzer would never get past them.
#include <unistd.h>

#include <cstdint>
#include <string>

#include "tests/fuzz/trace_mend.h"
#include "trace/edit/cut.h"
#include "trace/edit/recover.h"
#include "trace/moment/memory_at.h"
#include "trace/moment/moment.h"
#include "trace/pass/pass.h"
#include "trace/proof/verify.h"

namespace {

using namespace panda;
using namespace panda::trace;

constexpr uint64_t max_guest_bytes = uint64_t{256} << 20;  // larger guests are allowed, but slow

struct Analyzer : IgnoresAfterAccesses {
    static constexpr PassNeeds needs = PassNeeds::memory;
    explicit Analyzer(const PassState& pass_state) : state(&pass_state) {}
    void on_block(const BlockExecution&) { look(); }
    void on_accesses(const BlockExecution&, std::span<const Access> part) { count += part.size(); }
    void on_event(const Event&) { look(); }
    void append(Analyzer&& next) { count += next.count; }
    void look() {
        if (!state->memory_known() || ++looks % 64 != 0)
            return;
        std::byte byte{};
        count += state->address_space().read(state->cpu().rip, {&byte, 1}) ? 1 : 0;
    }
    const PassState* state;
    uint64_t count = 0;
    uint64_t looks = 0;
};

bool is_small(const TraceReader& reader) {
    uint64_t size = 0;
    for (const MemoryBlock& block : reader.header().memory_blocks)
        size += std::min(block.size, max_guest_bytes + 1);
    return size <= max_guest_bytes;
}

void verify_it(TraceReader& reader) {
    verify(reader, {.threads = 1, .listed = 2});
}

void pass_over(TraceReader& reader) {
    run_pass(reader, {.threads = 1}, [](const PassState& state) { return Analyzer(state); });
}

void seek(TraceReader& reader) {
    const uint64_t first = reader.header().first_instr;
    const uint64_t length = reader.end_instr() - first;
    for (const uint64_t part : {1, 2, 4}) {
        const MemoryAt memory(reader, first + length / part);
        Bytes bytes(3 * page_size);
        memory.address_space().read(memory.cpu().rip, bytes);
        for (const auto& range : memory.ranges())
            memory.read(range.start, bytes);
    }
}

void cut_it(TraceReader& reader) {
    const uint64_t first = reader.header().first_instr;
    const uint64_t length = reader.end_instr() - first;
    cut(reader, first + length / 4, first + length / 2 + 1, "/dev/null", {.if_exists = IfExists::overwrite});
}

// This needs a file, which takes time.
void recover_it(std::span<const std::byte> input) {
    static const std::string path = "/dev/shm/panda-trace-follow-fuzz-" + std::to_string(::getpid());
    try {
        OutputFile file(path, IfExists::overwrite);
        file.write(input);
        file.close();
        recover(path, "/dev/null", IfExists::overwrite);
    } catch (const Error&) {
    }
    ::unlink(path.c_str());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    Bytes input(reinterpret_cast<const std::byte*>(data), reinterpret_cast<const std::byte*>(data) + size);
    trace_fuzz::mend(input);
    for (const auto run : {verify_it, pass_over, seek, cut_it}) {
        try {
            TraceReader reader("input", input);
            if (is_small(reader))
                run(reader);
        } catch (const Error&) {
        }
    }
    if (size % 16 == 0)
        recover_it(input);
    return 0;
}
