// panda-trace recover: makes a whole trace from one that was cut short.
#include "trace/edit/recover.h"

#include <iostream>

#include "common/json_value.h"
#include "tools/trace/commands.h"
#include "tools/trace/options.h"

namespace panda::trace_tool {
namespace {

void print_text(const trace::Recovery& recovery) {
    std::cerr << "recovered instr " << recovery.first_instr << " to " << recovery.end_instr << ": "
              << recovery.chunks << " chunks, " << recovery.snapshots << " snapshots, "
              << recovery.definitions << " block definitions, " << recovery.bytes_read
              << " bytes of the file\n"
              << (recovery.flaw.empty() ? "the trace was whole" : "what follows is lost: " + recovery.flaw)
              << '\n';
}

void print_json(const trace::Recovery& recovery) {
    write_json_line(std::cerr, {{"first_instr", recovery.first_instr},
                                {"end_instr", recovery.end_instr},
                                {"chunks", recovery.chunks},
                                {"snapshots", recovery.snapshots},
                                {"definitions", recovery.definitions},
                                {"bytes_read", recovery.bytes_read},
                                {"bytes_written", recovery.bytes_written},
                                {"flaw", recovery.flaw}});
}

}  // namespace

int recover(const std::vector<std::string>& arguments) {
    po::options_description options("options");
    options.add_options()("output,o", po::value<std::string>()->value_name("FILE")->required(),
                          "the trace to make (- for standard output)")(
        "force", "overwrite FILE if it exists")("json", "the report, on standard error, as a JSON object");
    const auto values = parse_options("recover", arguments, options);
    if (!values)
        return exit_ok;
    const auto& path = (*values)["trace"].as<std::string>();
    const auto& output = (*values)["output"].as<std::string>();
    require_other_file(path, output);
    const auto recovery =
        trace::recover(path, output, values->count("force") != 0 ? IfExists::overwrite : IfExists::refuse);
    if (values->count("json") != 0)
        print_json(recovery);
    else
        print_text(recovery);
    return exit_ok;
}

}  // namespace panda::trace_tool
