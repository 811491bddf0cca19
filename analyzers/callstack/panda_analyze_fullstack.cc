// panda-analyze-fullstack: the stack at the first write by each of a list of tap points.
#include <iostream>
#include <map>
#include <set>
#include <sstream>

#include "analyzers/callstack/stack_follower.h"
#include "analyzers/callstack/stack_report.h"
#include "analyzers/callstack/tap.h"
#include "analyzers/names/moment_names.h"
#include "analyzers/shared/frame.h"
#include "common/error.h"
#include "common/file.h"
#include "common/hex.h"

namespace {

using namespace panda;
using namespace panda::callstack;
using analyzers::Run;
namespace po = boost::program_options;

// What a tap's first write found.
struct Found {
    Tap tap;
    StackSample sample;
};

class FullStack : public trace::IgnoresAfterAccesses {
  public:
    static constexpr trace::PassNeeds needs = trace::PassNeeds::memory;

    FullStack(const trace::PassState& state, std::set<Tap>& wanted, std::vector<Found>& found, size_t depth,
              PassNames& names)
        : state_(&state), wanted_(&wanted), found_(&found), depth_(depth), names_(&names), follower_(state) {
        for (const Tap& tap : wanted)
            pcs_.insert(tap.pc);
    }

    void on_block(const trace::BlockExecution& block) { follower_.on_block(block); }
    void on_accesses(const trace::BlockExecution& block, std::span<const trace::Access> accesses) {
        follower_.on_accesses(block, accesses);
        if (!wanted_->empty() && has_tap(block.id)) [[unlikely]]
            look_at(block, accesses);
    }
    void on_event(const trace::Event& event) { follower_.on_event(event); }
    void append(FullStack&&) {}

  private:
    // Whether an instruction of the block is one of a tap's.
    bool has_tap(uint32_t id) {
        const trace::BlockTable& blocks = state_->blocks();
        for (auto next = static_cast<uint32_t>(tapped_.size()); next < blocks.size(); ++next) {
            const trace::BlockView view = blocks[next];
            bool tapped = false;
            for (const uint16_t offset : view.instruction_offsets)
                tapped |= pcs_.contains(view.pc + offset);
            tapped_.push_back(tapped);
        }
        return tapped_[id];
    }
    void look_at(const trace::BlockExecution& block, std::span<const trace::Access> accesses) {
        const trace::BlockView view = state_->blocks()[block.id];
        for (const trace::Access& access : accesses) {
            if (access.kind != trace::AccessKind::store)
                continue;
            const uint64_t pc = view.pc + view.instruction_offsets[access.instruction];
            const auto tap = wanted_->find(tap_of(follower_.stacks(), pc, state_->asid()));
            if (tap == wanted_->end())
                continue;
            StackSample sample = take_sample(*state_, follower_.stacks(), pc, depth_, *names_);
            sample.instr = block.instr + access.instruction;
            found_->push_back({*tap, std::move(sample)});
            wanted_->erase(tap);
        }
    }

    const trace::PassState* state_;
    std::set<Tap>* wanted_;  // not seen yet
    std::vector<Found>* found_;
    size_t depth_;
    PassNames* names_;
    StackFollower follower_;
    std::set<uint64_t> pcs_;
    std::vector<bool> tapped_;  // by block id
};

// As PANDA's plugin writes it: the callers, the innermost first, then the pc and the address space.
std::string line_of(const Found& found) {
    std::string line;
    for (const NamedFrame& named : found.sample.frames)
        line += hex_digits(named.frame.return_address, 16) + " ";
    return line + hex_digits(found.tap.pc, 16) + " " + hex_digits(found.tap.asid, 16) + "\n";
}

std::set<Tap> read_taps(const std::string& path) {
    const MappedFile file(path);
    const auto bytes = file.bytes();
    const auto taps = parse_taps({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
    if (taps.empty())
        throw FileError(path, "has no taps");
    return {taps.begin(), taps.end()};
}

void add_options(po::options_description& options) {
    auto add = options.add_options();
    add("tap-points", po::value<std::string>()->value_name("FILE")->default_value("tap_points.txt"),
        "the taps: lines of caller, pc and asid");
    add("output", po::value<std::string>()->value_name("FILE")->default_value("tap_callstacks.txt"),
        "where to write the stacks");
    add("callers", number_value()->value_name("N")->default_value(16), "frames of a stack; 0 = all");
    analyzers::add_name_options(options);
}

void analyze(Run& run) {
    const analyzers::NameOptions named = analyzers::name_options(run.given());
    const size_t depth = run.number("callers") == 0 ? ~size_t{0} : run.number("callers");
    trace::TraceReader& reader = run.reader();
    require_other_file(reader.path(), run.text("output"));
    std::set<Tap> wanted = read_taps(run.text("tap-points"));
    OutputFile output(run.text("output"), IfExists::overwrite);
    pandalog::PandalogFile* const log = run.pandalog();
    PassNames names(analyzers::find_kernel(reader, named), named.directories);
    std::vector<Found> found;
    trace::PassOptions options = run.pass_options();
    options.in_order = true;
    auto result = trace::run_pass(reader, options, [&](const trace::PassState& state) {
        return FullStack(state, wanted, found, depth, names);
    });
    run.end_progress();
    run.set_flaw(std::move(result.flaw));
    for (const Found& one : found) {
        const std::string line = line_of(one);
        output.write(std::as_bytes(std::span(line)));
        if (log != nullptr)
            write_pandalog(*log, one.sample);
        run.json() ? write_json(std::cout, one.sample) : write_text(std::cout, one.sample);
    }
    output.close();
    if (!wanted.empty())
        run.warn(std::to_string(wanted.size()) + " taps wrote nothing");
}

constexpr analyzers::Program program = {
    .name = "fullstack",
    .summary = "the stack at the first write by each of a list of tap points",
    .description =
        "Prints which calls are not over when an instruction, called from a given place, writes first.\n"
        "TRACE is a file, or - for standard input.",
    .shared = {.pandalog = "each stack, as callStack", .threads = nullptr},
    .add_options = add_options,
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
