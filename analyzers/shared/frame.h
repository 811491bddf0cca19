// The frame of an analyzer's program: its command line, the trace, the progress bar, the outputs, and the
// exit status.
//
//     struct Interrupts { ... };  // goes over a trace: see trace/pass/pass.h
//
//     void add_options(po::options_description& options) {
//         options.add_options()("least", number_value()->default_value(1), "lowest count to show");
//     }
//
//     void analyze(Run& run) {
//         const Interrupts found = run.pass([](const trace::PassState&) { return Interrupts(); });
//         ... run.number("least"), run.json() ... written to std::cout
//     }
//
//     int main(int count, char** arguments) {
//         return run_analyzer({.name = "interrupts",
//                              .summary = "counts interrupts, by vector",
//                              .description = "Counts ... TRACE is a file, or - for standard input.",
//                              .add_options = add_options,
//                              .analyze = analyze},
//                             count, arguments);
//     }
//
// The frame gives it --help, --version, --describe (the summary, for lists of analyzers), and those of the
// shared options that it asks for. Errors are one line and an exit status: 2 for a wrong command line, else
// 1. If the trace was cut short, the frame says so after the results, with exit status 1.
#pragma once

#include <boost/program_options.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "analyzers/pandalog/pandalog_file.h"
#include "common/options.h"
#include "common/progress.h"
#include "trace/pass/pass.h"

namespace panda::analyzers {

namespace po = boost::program_options;

class Run;

// The options that analyzers share, each with what --help says about it; nullptr: this analyzer does not have
// it.
struct SharedOptions {
    const char* json = "one JSON object per line";
    const char* pandalog = nullptr;     // for example "also write entries of a pandalog"
    const char* range = "first instr";  // of --from; --to comes with it
    const char* threads = "number of threads";
    const char* quiet = "no progress bar";
};

// What a program tells the frame about itself. The texts live as long as the program.
struct Program {
    const char* name;                 // "blocks", of panda-analyze-blocks
    const char* summary;              // about half a line, for example "guest memory at any instr"
    const char* description;          // a sentence or two, with line breaks
    const char* arguments = "TRACE";  // after the options, in --help
    bool words = false;               // it takes more arguments; the trace is the last one
    SharedOptions shared = {};
    void (*add_options)(po::options_description& options) = nullptr;  // its own options; nullptr: it has none
    // What it needs of a trace with these options, as panda-replay --columns has it: "blocks", "memory" or "full", and
    // " registers" behind it if it needs those too. nullptr: full. It answers --needs, for panda-replay --panda.
    const char* (*needs)(const po::variables_map& given) = nullptr;
    void (*analyze)(Run& run);
};

// One run of an analyzer: what the command line says, and what the frame does for it.
class Run {
  public:
    Run(const Program& program, po::variables_map given);
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

    // The options. text() and number() throw boost::bad_any_cast for an option that was not given and has no
    // default.
    const po::variables_map& given() const { return given_; }
    bool has(const char* option) const { return given_.count(option) != 0; }
    const std::string& text(const char* option) const { return given_[option].as<std::string>(); }
    uint64_t number(const char* option) const { return given_[option].as<uint64_t>(); }
    // The values of an option that may be given more than once; empty when it was not given.
    std::vector<std::string> texts(const char* option) const;
    // The arguments after the options; the last one is the trace.
    const std::vector<std::string>& words() const { return words_; }
    bool json() const { return has("json"); }
    bool quiet() const { return has("quiet"); }
    // The range that --from and --to give; everything for an analyzer that does not have these options.
    trace::InstrRange range() const { return range_; }

    // The trace. The first call opens it and then creates the pandalog, so check the options before. Throws
    // FileError when one of them cannot be opened.
    trace::TraceReader& reader(const trace::ReaderOptions& options = {});

    // The pandalog; null when --pandalog was not given. reader() creates it, and so does the first call of
    // this; the frame finishes it. Throws FileError when it cannot be created.
    pandalog::PandalogFile* pandalog();

    // Goes over the range with the analyzers that `make` makes, with a progress bar, and returns what they
    // found: see trace::run_pass. Opens the trace. If the trace was cut short, goes through the part that is
    // whole.
    template <typename Make>
    auto pass(const Make& make) {
        trace::TraceReader& reader = this->reader();
        auto result = trace::run_pass(reader, pass_options(), make);
        end_progress();
        set_flaw(std::move(result.flaw));
        return std::move(result.analyzer);
    }

    // The parts of pass(), for analyzers that go over a trace in another way. Returns options with the range,
    // the threads, and a progress bar, which is drawn from now on. hidden: as if --quiet were given.
    trace::PassOptions pass_options(bool hidden = false);
    // Draws a progress bar. total: how many instructions there are, 0 if that is not known. Returns a
    // function that moves the bar on. That function throws Error when standard output can no longer be
    // written, because the rest of the work would be useless.
    std::function<void(uint64_t)> start_progress(uint64_t total, bool hidden = false);
    // Erases the progress bar. To be called before anything is written.
    void end_progress();
    // Sets why the trace ended before the range did; empty if it did not.
    void set_flaw(std::string flaw) { flaw_ = std::move(flaw); }

    // Writes a line on standard error once everything else is written.
    void warn(std::string text) { warnings_.push_back(std::move(text)); }
    // Says that not all that was asked for was written: exit status 1.
    void set_incomplete() { complete_ = false; }

    // For the frame. Ends the bar, standard output and the pandalog. Returns the exit status. Throws
    // FileError when the trace was cut short, and Error when standard output cannot be written.
    int finish();

  private:
    const Program& program_;
    po::variables_map given_;
    std::vector<std::string> words_;
    trace::InstrRange range_;
    std::optional<trace::TraceReader> reader_;
    std::optional<pandalog::PandalogFile> pandalog_;
    std::optional<Progress> progress_;
    std::vector<std::string> warnings_;
    std::string flaw_;
    bool complete_ = true;
};

// An analyzer's main: parses the command line, runs the analyzer, and returns the exit status.
int run_analyzer(const Program& program, int count, char** arguments);
// The same for arguments that the program has looked at already; without the program's own name.
int run_analyzer(const Program& program, const std::vector<std::string>& arguments);

// A moment as options name it: a number of instructions; nothing for "end". Throws a UsageError that names
// the option.
std::optional<uint64_t> parse_moment(const std::string& option, const std::string& text);

}  // namespace panda::analyzers
