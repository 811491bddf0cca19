// panda-analyze-loaded_libs: which files each process has mapped; PANDA's plugin of that name.
#include <iostream>

#include "analyzers/osi/open_provider.h"
#include "analyzers/osi/passes.h"
#include "analyzers/osi/text.h"
#include "analyzers/processes/libraries.h"
#include "analyzers/shared/frame.h"
#include "common/hex.h"
#include "common/json_value.h"
#include "osi/symbols/place.h"

namespace {

using namespace panda;
using processes::Libraries;
namespace po = boost::program_options;

void add_options(po::options_description& options) {
    analyze_osi::add_kernel_options(options);
    options.add_options()("program-name", po::value<std::string>()->value_name("NAME"),
                          "only processes of this name");
}

void write(const analyzers::Run& run, const Libraries& libraries) {
    if (run.json()) {
        Json modules = Json::array();
        for (const processes::MappedFile& file : libraries.files)
            modules.push_back({{"name", osi::short_name(file.file)},
                               {"file", file.file},
                               {"base_addr", hex(file.base)},
                               {"size", file.size}});
        write_json_line(std::cout, {{"kind", "loaded_libs"},
                                    {"instr", libraries.instr},
                                    {"pid", libraries.pid},
                                    {"name", libraries.name},
                                    {"asid", hex(libraries.asid)},
                                    {"modules", modules}});
        return;
    }
    std::cout << analyze_osi::printable(libraries.name) << "  pid " << libraries.pid << "  asid "
              << hex(libraries.asid) << "  instr " << libraries.instr << '\n';
    for (const processes::MappedFile& file : libraries.files)
        std::cout << "    " << hex(file.base, 12) << ' ' << hex(file.size) << ' '
                  << analyze_osi::printable(file.file) << '\n';
}

void analyze(analyzers::Run& run) {
    const auto wanted = analyze_osi::provider_options(run.given());
    const analyze_osi::PassSystem system{analyze_osi::provider_opener(wanted, run.reader().path()),
                                         wanted.load_now};
    processes::LibraryWatch watch(run.has("program-name") ? run.text("program-name") : std::string());
    const auto followed = analyze_osi::follow_events(run.reader(), run.pass_options(), system, watch);
    run.end_progress();
    run.set_flaw(followed.flaw);
    if (!followed.warning.empty()) {
        run.warn(followed.warning);
        run.set_incomplete();
    }
    for (const Libraries& libraries : watch.found())
        write(run, libraries);
}

constexpr analyzers::Program program = {
    .name = "loaded_libs",
    .summary = "which programs and libraries each process has mapped",
    .description =
        "Lists the files that each process of a Linux guest has mapped: the longest list that is seen\n"
        "when it gets the processor and when it exits. TRACE is a file, or - for standard input.",
    .shared = {.threads = nullptr},
    .add_options = add_options,
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
