// panda-analyze-textprinter_fast: the bytes that one tap point reads.
#include <iostream>

#include "analyzers/taps/tap_pass.h"
#include "analyzers/taps/tap_program.h"
#include "common/bytes.h"
#include "common/file.h"
#include "common/json_value.h"

namespace {

using namespace panda;
using namespace panda::taps;
using analyzers::Run;
namespace po = boost::program_options;

class Reads {
  public:
    static constexpr auto wants = Wants::values;
    explicit Reads(OutputFile& file) : file_(file) {}

    void take(const TapAccess& access) {
        if (access.write)
            return;
        const auto bytes = std::as_bytes(access.bytes());
        buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
        constexpr size_t buffer_size = 1 << 16;
        if (buffer_.size() >= buffer_size)
            flush();
    }
    void flush() {
        file_.write(buffer_);
        buffer_.clear();
    }

  private:
    OutputFile& file_;
    Bytes buffer_;
};

void add_options(po::options_description& options) {
    add_file_option(options, "tap-points", "tap_points.txt", "the tap is the first one in this file");
    add_file_option(options, "output", "read_tap_buffers.txt", "where to write the bytes");
}

void analyze(Run& run) {
    trace::TraceReader& reader = run.reader();
    require_other_file(reader.path(), run.text("output"));
    const Tap wanted = read_taps(run.text("tap-points")).front();
    OutputFile file(run.text("output"), IfExists::overwrite);
    TapNumbers numbers([&](const Tap& tap) { return tap.pc == wanted.pc && tap.caller == wanted.caller; });
    Reads reads(file);
    run_tap_pass(run, numbers, reads);
    reads.flush();
    const uint64_t bytes = file.offset();
    file.close();
    if (run.json())
        write_json_line(std::cout, {{"kind", "summary"}, {"read", bytes}});
    else
        std::cout << bytes << " bytes\n";
}

constexpr analyzers::Program program = {
    .name = "textprinter_fast",
    .summary = "the bytes that one tap point reads",
    .description =
        "Writes what the first of a list of tap points reads, in any address space, and nothing else.\n"
        "TRACE is a file, or - for standard input.",
    .shared = {.threads = nullptr},
    .add_options = add_options,
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
