// panda-analyze-textprinter: every byte that passes by at a list of tap points.
#include <iostream>
#include <set>

#include "analyzers/strings/gzip_file.h"
#include "analyzers/taps/tap_pass.h"
#include "analyzers/taps/tap_program.h"
#include "common/error.h"
#include "common/hex.h"
#include "common/json_value.h"

namespace {

using namespace panda;
using namespace panda::taps;
using analyzers::Run;
namespace po = boost::program_options;

// A line a byte: the callers, the innermost last, pc, asid, the byte's address, the instr, and the byte.
class Printer {
  public:
    static constexpr auto wants = Wants::values;

    Printer(const TapNumbers& taps, strings::GzipFile& reads, strings::GzipFile& writes, size_t depth)
        : taps_(taps), reads_(reads), writes_(writes), depth_(depth) {}

    void take(const TapAccess& access) {
        const std::string begin = callers_of(access) + hex_digits(taps_[access.tap].pc, 16) + " " +
                                  hex_digits(taps_[access.tap].asid, 16) + " ";
        uint64_t address = access.access.address;
        std::string lines;
        for (const uint8_t byte : access.bytes())
            lines += begin + hex_digits(address++, 16) + " " + std::to_string(access.instr) + " " +
                     hex_digits(byte, 2) + "\n";
        (access.write ? writes_ : reads_).write(lines);
        (access.write ? written : read) += access.size();
    }

    uint64_t read = 0;  // bytes
    uint64_t written = 0;

  private:
    std::string callers_of(const TapAccess& access) const {
        std::string callers;
        size_t count = 0;
        access.stacks.walk([&](const callstack::Frame& frame) {
            if (count++ == depth_)
                return false;
            callers.insert(0, hex_digits(frame.return_address, 16) + " ");
            return true;
        });
        return callers.empty() ? hex_digits(0, 16) + " " : callers;
    }

    const TapNumbers& taps_;
    strings::GzipFile& reads_;
    strings::GzipFile& writes_;
    size_t depth_;
};

void add_options(po::options_description& options) {
    auto add = options.add_options();
    add("tap-points", po::value<std::string>()->value_name("FILE")->default_value("tap_points.txt"),
        "the taps: lines of caller, pc and asid");
    add("callers", number_value()->value_name("N")->default_value(1), "callers in a line");
    add_file_option(options, "reads", "read_tap_buffers.txt.gz", "where to write what is read");
    add_file_option(options, "writes", "write_tap_buffers.txt.gz", "where to write what is written");
}

void analyze(Run& run) {
    if (run.number("callers") == 0)
        throw UsageError("--callers must be at least 1");
    trace::TraceReader& reader = run.reader();
    require_other_file(reader.path(), run.text("reads"));
    require_other_file(reader.path(), run.text("writes"));
    const std::vector<Tap> list = read_taps(run.text("tap-points"));
    const std::set<Tap> wanted(list.begin(), list.end());
    strings::GzipFile reads(run.text("reads"));
    strings::GzipFile writes(run.text("writes"));
    TapNumbers numbers([&](const Tap& tap) { return wanted.contains(tap); });
    Printer printer(numbers, reads, writes, run.number("callers"));
    run_tap_pass(run, numbers, printer);
    reads.close();
    writes.close();
    if (run.json())
        write_json_line(std::cout, {{"kind", "summary"},
                                    {"taps", numbers.size()},
                                    {"read", printer.read},
                                    {"written", printer.written}});
    else
        std::cout << numbers.size() << " of " << wanted.size() << " taps read " << printer.read
                  << " bytes and wrote " << printer.written << '\n';
}

constexpr analyzers::Program program = {
    .name = "textprinter",
    .summary = "every byte that is read and written at a list of tap points",
    .description =
        "Writes what passes by at a list of tap points, a line a byte.\n"
        "TRACE is a file, or - for standard input.",
    .shared = {.threads = nullptr},
    .add_options = add_options,
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
