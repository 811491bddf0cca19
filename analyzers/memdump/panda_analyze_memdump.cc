// panda-analyze-memdump: guest memory at any instr as a file for other tools.
#include "analyzers/memdump/dump.h"
#include "analyzers/shared/frame.h"
#include "common/error.h"

namespace {

using namespace panda;
using namespace panda::analyze_memdump;
namespace po = boost::program_options;
using analyzers::Run;

void add_options(po::options_description& options) {
    auto add = options.add_options();
    add("at", po::value<std::string>()->value_name("INSTR")->default_value("end"),
        "the moment, end or a number of instructions");
    add("output,o", po::value<std::string>()->value_name("FILE"), "the file to make (- for standard output)");
    add("format", po::value<std::string>()->default_value("raw"), "raw, lime or elf");
    add("force", "overwrite FILE if it exists");
}

void analyze(Run& run) {
    if (!run.has("output"))
        throw UsageError("no output file given (-o)");
    const std::string& format = run.text("format");
    if (format != "raw" && format != "lime" && format != "elf")
        throw UsageError("--format takes raw, lime or elf, not \"" + format + "\"");
    const auto instr = analyzers::parse_moment("--at", run.text("at"));
    const std::string& output = run.text("output");
    require_other_file(run.words().back(), output);
    trace::TraceReader& reader = run.reader();
    const trace::Moment moment(reader, instr, trace::MomentReads::most, run.start_progress(0));
    run.end_progress();
    OutputFile file(output, run.has("force") ? IfExists::overwrite : IfExists::refuse);
    bool vmcoreinfo = true;
    if (format == "elf")
        vmcoreinfo = write_elf(file, moment, reader.header().architecture);
    else if (format == "lime")
        write_lime(file, moment);
    else
        write_raw(file, moment);
    file.close();
    if (!vmcoreinfo && !run.quiet())
        run.warn("no VMCOREINFO is in guest memory at this moment; tools will have to guess");
}

constexpr analyzers::Program program = {
    .name = "memdump",
    .summary = "guest memory at any instr, as a file for crash, drgn, gdb or Volatility",
    .description =
        "Writes guest physical memory as it is right before an instruction: raw, as LiME does, or as an ELF\n"
        "core that crash, drgn, gdb and Volatility open. TRACE is a file, or - for standard input.",
    .arguments = "-o FILE TRACE",
    .shared = {.json = nullptr, .range = nullptr, .threads = nullptr, .quiet = "no progress bar, no report"},
    .add_options = add_options,
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
