// panda-analyze-memdump: guest memory at any instr as a file for other tools.
#include <filesystem>

#include "analyzers/memdump/dump.h"
#include "analyzers/shared/arguments.h"

namespace {

using namespace panda;
using namespace panda::analyze_memdump;
namespace po = boost::program_options;

constexpr analyzers::Usage usage = {
    "memdump", "-o FILE TRACE",
    "Writes guest physical memory as it is right before an instruction: raw, or as an ELF core that\n"
    "crash, drgn and Volatility open. TRACE is a file, or - for standard input."};

po::options_description visible_options() {
    po::options_description options("Options");
    options.add_options()("at", po::value<std::string>()->value_name("INSTR")->default_value("end"),
                          "the moment, end or a number of instructions")(
        "output,o", po::value<std::string>()->value_name("FILE"), "the file to make (- for standard output)")(
        "format", po::value<std::string>()->default_value("raw"), "raw or elf")(
        "force", "overwrite FILE if it exists")("quiet,q", "no progress bar, no report");
    return options;
}

int run(int count, char** arguments) {
    const auto given = analyzers::parse_arguments(usage, count, arguments, visible_options());
    if (!given)
        return exit_ok;
    if (given->count("output") == 0)
        throw UsageError("no output file given (-o)");
    const auto& format = (*given)["format"].as<std::string>();
    if (format != "raw" && format != "elf")
        throw UsageError("--format takes raw or elf, not \"" + format + "\"");
    const auto& at = (*given)["at"].as<std::string>();
    const auto instr = at == "end" ? std::nullopt : std::optional(analyzers::parse_number("--at", at));
    const auto& path = (*given)["trace"].as<std::string>();
    const auto& output = (*given)["output"].as<std::string>();
    std::error_code missing;
    if (output != "-" && std::filesystem::equivalent(path, output, missing))
        throw UsageError("the output would overwrite the trace that is read");
    const bool quiet = given->count("quiet") != 0;
    trace::TraceReader reader(path);
    Progress progress(usage.name, 0, quiet);
    const trace::Moment moment(reader, instr, trace::MomentReads::most,
                               [&progress](uint64_t done) { progress.update(done); });
    progress.finish();
    OutputFile file(output, given->count("force") != 0 ? IfExists::overwrite : IfExists::refuse);
    bool vmcoreinfo = true;
    if (format == "elf")
        vmcoreinfo = write_elf(file, moment, reader.header().architecture);
    else
        write_raw(file, moment);
    file.close();
    if (!vmcoreinfo && !quiet)
        std::cerr << "panda-analyze-memdump: no VMCOREINFO is in guest memory at this moment; tools will "
                     "have to guess\n";
    return exit_ok;
}

}  // namespace

int main(int count, char** arguments) {
    return run_main("panda-analyze-memdump", [&] { return run(count, arguments); });
}
