// panda-analyze-printstack: the stack whenever a place in the code is reached.
#include <iostream>

#include "analyzers/callstack/stack_follower.h"
#include "analyzers/callstack/stack_report.h"
#include "analyzers/names/moment_names.h"
#include "analyzers/shared/frame.h"
#include "common/error.h"

namespace {

using namespace panda;
using namespace panda::callstack;
using analyzers::Run;

class PrintStack : public trace::IgnoresAfterAccesses {
  public:
    static constexpr trace::PassNeeds needs = trace::PassNeeds::memory;
    using Write = std::function<void(const StackSample&)>;

    PrintStack(const trace::PassState& state, uint64_t pc, uint64_t limit, size_t depth, PassNames& names,
               const Write& write)
        : state_(&state),
          pc_(pc),
          left_(limit),
          depth_(depth),
          names_(&names),
          write_(&write),
          follower_(state) {}

    void on_block(const trace::BlockExecution& block) {
        follower_.on_block(block);
        reached_ = has_pc(block);
    }
    void on_accesses(const trace::BlockExecution& block, std::span<const trace::Access> accesses) {
        follower_.on_accesses(block, accesses);
        if (!reached_) [[likely]]
            return;
        // By now the follower has seen how the block was entered.
        reached_ = false;
        if (left_ == 0)
            return;
        --left_;
        (*write_)(take_sample(*state_, follower_.stacks(), pc_, depth_, *names_));
    }
    void on_event(const trace::Event& event) { follower_.on_event(event); }
    void append(PrintStack&&) {}

  private:
    // An instruction in the middle of a block has the stack of the block's start, unless it is the last one's call.
    bool has_pc(const trace::BlockExecution& block) const {
        const trace::BlockTable& blocks = state_->blocks();
        const uint64_t start = blocks.pc(block.id);
        if (pc_ == start) [[unlikely]]
            return true;
        if (pc_ - start >= 4096) [[likely]]
            return false;
        const auto offsets = blocks[block.id].instruction_offsets;
        for (uint32_t number = 0; number < block.executed; ++number)
            if (offsets[number] == pc_ - start)
                return true;
        return false;
    }

    const trace::PassState* state_;
    uint64_t pc_;
    uint64_t left_;
    size_t depth_;
    PassNames* names_;
    const Write* write_;
    StackFollower follower_;
    bool reached_ = false;
};

void add_options(analyzers::po::options_description& options) {
    auto add = options.add_options();
    add("pc", number_value()->value_name("ADDRESS"), "the place: the linear address of an instruction");
    add("callers", number_value()->value_name("N")->default_value(64), "frames to print of a stack; 0 = all");
    add("count", number_value()->value_name("N")->default_value(0),
        "stop printing after this many stacks; 0 = never");
    analyzers::add_name_options(options);
}

void analyze(Run& run) {
    if (!run.has("pc"))
        throw UsageError("--pc is missing: the address of an instruction");
    const analyzers::NameOptions named = analyzers::name_options(run.given());
    const auto unless_zero = [&](const char* option) {
        return run.number(option) == 0 ? ~uint64_t{0} : run.number(option);
    };
    const uint64_t depth = unless_zero("callers");
    const uint64_t limit = unless_zero("count");
    trace::TraceReader& reader = run.reader();
    pandalog::PandalogFile* const log = run.pandalog();
    PassNames names(analyzers::find_kernel(reader, named), named.directories);
    const PrintStack::Write write = [&](const StackSample& sample) {
        if (log != nullptr)
            write_pandalog(*log, sample);
        run.json() ? write_json(std::cout, sample) : write_text(std::cout, sample);
    };
    trace::PassOptions options = run.pass_options(true);
    options.in_order = true;
    auto result = trace::run_pass(reader, options, [&](const trace::PassState& state) {
        return PrintStack(state, run.number("pc"), limit, depth, names, write);
    });
    run.end_progress();
    run.set_flaw(std::move(result.flaw));
}

constexpr analyzers::Program program = {
    .name = "printstack",
    .summary = "the stack whenever an instruction is reached",
    .description =
        "Prints which calls are not over, each time that an instruction runs.\n"
        "TRACE is a file, or - for standard input.",
    .shared = {.pandalog = "each stack, as callStack", .threads = nullptr, .quiet = nullptr},
    .add_options = add_options,
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
