// panda-analyze-callstack_instr: calls and returns of every thread, and stacks at moments that the guest marks.
#include <algorithm>
#include <iostream>

#include "analyzers/callstack/stack_follower.h"
#include "analyzers/callstack/stack_report.h"
#include "analyzers/names/moment_names.h"
#include "analyzers/shared/frame.h"
#include "common/error.h"
#include "common/hex.h"
#include "common/json_value.h"

namespace {

using namespace panda;
using namespace panda::callstack;
using analyzers::Run;

// What the command line asks for, and where it goes.
struct Wanted {
    std::optional<uint64_t> marks;
    size_t depth = 0;
    bool verbose = false;
    bool json = false;
    pandalog::PandalogFile* log = nullptr;
    std::ostream* out = nullptr;
};

void write(const Wanted& wanted, const StackSample& sample) {
    if (wanted.log != nullptr)
        write_pandalog(*wanted.log, sample);
    if (wanted.json)
        write_json(*wanted.out, sample);
    else
        write_text(*wanted.out, sample);
}

// Counts calls, and with --verbose writes a line for each call and return.
class CallLog final : public StackListener {
  public:
    explicit CallLog(const Wanted& wanted) : wanted_(wanted) {}
    void on_call(Frame& frame, uint64_t instr) override {
        ++calls;
        if (wanted_.verbose)
            line("call", frame, instr);
    }
    void on_return(const Frame& frame, uint64_t instr) override {
        if (wanted_.verbose)
            line("return", frame, instr);
    }

    uint64_t calls = 0;

  private:
    void line(const char* kind, const Frame& frame, uint64_t instr) {
        if (wanted_.json)
            write_json_line(*wanted_.out, {{"kind", kind},
                                           {"instr", instr},
                                           {"function", hex(frame.function)},
                                           {"return", hex(frame.return_address)}});
        else
            *wanted_.out << kind << "  instr " << instr << "  function " << hex(frame.function) << "  return "
                         << hex(frame.return_address) << '\n';
    }
    const Wanted& wanted_;
};

class Callstack : public trace::IgnoresAfterAccesses {
  public:
    static constexpr trace::PassNeeds needs = trace::PassNeeds::memory;

    Callstack(const trace::PassState& state, const Wanted& wanted, CallLog& calls, PassNames& names)
        : state_(&state), wanted_(&wanted), names_(&names), follower_(state, &calls) {}

    void on_block(const trace::BlockExecution& block) { follower_.on_block(block); }
    void on_accesses(const trace::BlockExecution& block, std::span<const trace::Access> accesses) {
        follower_.on_accesses(block, accesses);
    }
    void on_event(const trace::Event& event) {
        follower_.on_event(event);
        const auto* mark = std::get_if<trace::Cpuid>(&event.detail);
        if (mark == nullptr || !wanted_->marks || mark->before[0] != *wanted_->marks)
            return;
        StackSample sample = take_sample(*state_, follower_.stacks(), mark->pc, wanted_->depth, *names_);
        sample.instr = event.instr;
        sample.mark = mark->before[1];
        write(*wanted_, sample);
    }
    void append(Callstack&&) {}

    const ReturnCounts& counts() const { return follower_.stacks().counts(); }

  private:
    const trace::PassState* state_;
    const Wanted* wanted_;
    PassNames* names_;
    StackFollower follower_;
};

void write_counts(const Wanted& wanted, uint64_t calls, const ReturnCounts& counts) {
    if (wanted.json) {
        write_json_line(*wanted.out, {{"kind", "summary"},
                                      {"calls", calls},
                                      {"returns", counts.total()},
                                      {"matched", counts.matched},
                                      {"redirected", counts.redirected},
                                      {"fresh", counts.fresh},
                                      {"before", counts.before},
                                      {"jumps", counts.jumps}});
        return;
    }
    const double share = counts.total() == 0 ? 0
                                             : 100 * static_cast<double>(counts.unmatched()) /
                                                   static_cast<double>(counts.total());
    *wanted.out << calls << " calls, " << counts.total() << " returns\n"
                << counts.matched << " to where their call came from\n"
                << counts.redirected << " elsewhere: retpolines, unwinding\n"
                << counts.fresh << " into a new thread or coroutine\n"
                << counts.before << " of calls from before the trace\n"
                << counts.jumps << " jumps by an address that was pushed\n"
                << share << " % match no call\n";
}

void add_options(analyzers::po::options_description& options) {
    auto add = options.add_options();
    add("marks", number_value()->value_name("EAX"),
        "print the stack at every CPUID that the guest executes with this number in eax; ebx numbers the "
        "mark");
    add("callers", number_value()->value_name("N")->default_value(64), "frames to print of a stack; 0 = all");
    add("verbose", "print every call and return");
    analyzers::add_name_options(options);
}

void analyze(Run& run) {
    const analyzers::NameOptions named = analyzers::name_options(run.given());
    Wanted wanted;
    if (run.has("marks"))
        wanted.marks = run.number("marks");
    wanted.depth = run.number("callers") == 0 ? ~size_t{0} : run.number("callers");
    wanted.verbose = run.has("verbose");
    wanted.json = run.json();
    wanted.out = &std::cout;
    trace::TraceReader& reader = run.reader();
    wanted.log = run.pandalog();
    PassNames names(wanted.marks ? analyzers::find_kernel(reader, named) : nullptr, named.directories);
    CallLog calls(wanted);
    trace::PassOptions options = run.pass_options(wanted.verbose || wanted.marks);
    options.in_order = true;
    const auto result = trace::run_pass(reader, options, [&](const trace::PassState& state) {
        return Callstack(state, wanted, calls, names);
    });
    run.end_progress();
    run.set_flaw(result.flaw);
    write_counts(wanted, calls.calls, result.analyzer.counts());
}

constexpr analyzers::Program program = {
    .name = "callstack_instr",
    .summary = "calls and returns of every thread, and stacks at moments that the guest marks",
    .description =
        "Follows calls and returns of all threads and of the kernel, and says how well they match.\n"
        "TRACE is a file, or - for standard input.",
    .shared = {.pandalog = "each stack that is printed, as callStack", .threads = nullptr},
    .add_options = add_options,
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
