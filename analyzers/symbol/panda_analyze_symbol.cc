// panda-analyze-symbol: which function of which file is at an address, at a moment.
#include <iostream>

#include "analyzers/names/moment_names.h"
#include "analyzers/names/place_json.h"
#include "analyzers/osi/open_provider.h"
#include "analyzers/shared/frame.h"
#include "common/error.h"
#include "common/hex.h"
#include "common/json_value.h"

namespace {

using namespace panda;
namespace po = boost::program_options;
using analyzers::Run;

void add_options(po::options_description& options) {
    auto add = options.add_options();
    add("at", po::value<std::string>()->value_name("INSTR")->default_value("end"),
        "the moment, end or a number of instructions");
    add("pid", number_value(), "in this process (default: the one that runs at the moment)");
    analyzers::add_name_options(options, false);
}

osi::ProcessHandle process_of(Run& run, const osi::Provider& provider, const osi::Point& point) {
    if (!run.has("pid"))
        return provider.current_process_handle(point).value_or(osi::ProcessHandle{});
    for (const osi::Process& process : provider.processes(point).entries)
        if (process.pid == static_cast<int64_t>(run.number("pid")))
            return process.handle;
    throw Error("there is no process " + std::to_string(run.number("pid")) + " at this moment");
}

void write(Run& run, uint64_t instr, uint64_t address, const osi::Place& place) {
    if (!run.json()) {
        std::cout << hex(address) << "  " << (place.module.empty() ? "?" : osi::to_text(place)) << '\n';
        return;
    }
    Json object = {{"kind", "symbol"}, {"instr", instr}, {"address", hex(address)}};
    analyzers::add_place(object, place);
    write_json_line(std::cout, object);
}

void analyze(Run& run) {
    const analyzers::NameOptions wanted = analyzers::name_options(run.given());
    const auto at = analyzers::parse_moment("--at", run.text("at"));
    std::vector<std::string> words = run.words();
    if (words.size() < 2)
        throw UsageError("addresses and a trace are missing: ADDRESS... TRACE");
    words.pop_back();
    std::vector<uint64_t> addresses;
    for (const std::string& word : words)
        addresses.push_back(parse_number("ADDRESS", word));
    trace::TraceReader& reader = run.reader();
    const trace::Moment moment(reader, at);
    const auto provider = analyze_osi::open_provider(provider_opener(wanted.kernel, reader.path()),
                                                     wanted.kernel.load_now, reader, moment);
    const osi::Point point{&moment.memory(), &moment.cpu()};
    const osi::ProcessHandle process = process_of(run, *provider, point);
    osi::Symbolizer symbolizer(wanted.directories);
    for (const uint64_t address : addresses)
        write(run, moment.instr(), address, symbolizer.place(*provider, point, process, address, true));
    if (const std::string warning = symbolizer.warning(); !warning.empty())
        run.warn(warning);
}

constexpr analyzers::Program program = {
    .name = "symbol",
    .summary = "which function of which file is at an address, at any instr",
    .description =
        "Names addresses of the kernel, its modules, and of a process.\n"
        "Numbers are decimal, or hexadecimal with 0x.",
    .arguments = "ADDRESS... TRACE",
    .words = true,
    .shared = {.json = "a JSON object a line", .range = nullptr, .threads = nullptr, .quiet = nullptr},
    .add_options = add_options,
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
