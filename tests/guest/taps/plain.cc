// Goes over a trace from its beginning to its end, and prints every load and store to some bytes of a physical page, as page
// tables lead there: what "panda-analyze memory history" must find.
//
// usage: taps_plain TRACE ADDRESS LENGTH FRAME    ADDRESS: any that has the bytes' place in the page. FRAME: the page's number
#include <cstdio>

#include "common/command_line.h"
#include "common/error.h"
#include "common/numbers.h"
#include "trace/pass/pass.h"

namespace {

using namespace panda;
using namespace panda::trace;

struct Wanted {
    uint64_t begin;  // bytes, in the page
    uint64_t end;
    uint64_t frame;
};

class Printer : public IgnoresEvents, public IgnoresAfterAccesses {
  public:
    static constexpr PassNeeds needs = PassNeeds::memory;
    Printer(const PassState& state, const Wanted& wanted) : state_(&state), wanted_(&wanted) {}

    void on_block(const BlockExecution&) {}
    void on_accesses(const BlockExecution&, std::span<const Access>) {}
    void on_values(const BlockExecution& block, std::span<const Access> accesses) {
        for (const Access& access : accesses)
            if (access.address % page_size < wanted_->end &&
                access.address % page_size + access.size > wanted_->begin)
                look_at(block, access);
    }
    void append(Printer&&) {}

  private:
    void look_at(const BlockExecution& block, const Access& access) {
        const auto physical = state_->address_space().translate(access.address);
        if (!physical || *physical / page_size != wanted_->frame)
            return;
        const BlockView view = state_->blocks()[block.id];
        std::printf("%llu %s %llx %u %llx %llx\n",
                    static_cast<unsigned long long>(block.instr + access.instruction),
                    access.is_store() ? "write" : "read",
                    static_cast<unsigned long long>(view.pc + view.instruction_offsets[access.instruction]),
                    access.size, static_cast<unsigned long long>(access.address),
                    static_cast<unsigned long long>(access.value));
    }

    const PassState* state_;
    const Wanted* wanted_;
};

}  // namespace

int main(int argc, char** argv) {
    return run_main("taps_plain", [&] {
        if (argc != 5)
            throw UsageError("usage: taps_plain TRACE ADDRESS LENGTH FRAME");
        TraceReader reader(argv[1]);
        const uint64_t begin = parse_number("ADDRESS", argv[2]) % page_size;
        const Wanted wanted{begin, begin + parse_number("LENGTH", argv[3]), parse_number("FRAME", argv[4])};
        const auto result =
            run_pass(reader, {.threads = 1}, [&](const PassState& state) { return Printer(state, wanted); });
        result.require_whole(reader);
        return exit_ok;
    });
}
