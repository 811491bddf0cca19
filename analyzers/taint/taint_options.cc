#include "analyzers/taint/taint_options.h"

#include "analyzers/names/moment_names.h"
#include "common/error.h"
#include "common/numbers.h"

namespace panda::taint {

namespace po = boost::program_options;

namespace {

constexpr uint64_t most_bytes = uint64_t{1} << 32;

auto texts() {
    return po::value<std::vector<std::string>>()->composing();
}

PointerPolicy pointer_policy(const std::string& text) {
    if (text == "off")
        return PointerPolicy::off;
    if (text == "loads")
        return PointerPolicy::loads;
    if (text == "all")
        return PointerPolicy::all;
    throw UsageError("--pointers takes off, loads or all, not \"" + text + "\"");
}

RegisterAt parse_register_at(const std::string& text) {
    const size_t at = text.find('@');
    if (at == std::string::npos || at == 0)
        throw UsageError("--register takes NAME@INSTR, not \"" + text + "\"");
    return {text.substr(0, at), parse_number<uint64_t>("--register", text.substr(at + 1)), text};
}

}  // namespace

RangeAt parse_range_at(const std::string& option, const std::string& text) {
    const std::string prefix = "phys:";
    RangeAt range;
    range.text = text;
    range.physical = text.starts_with(prefix);
    const std::string rest = range.physical ? text.substr(prefix.size()) : text;
    const size_t colon = rest.find(':');
    const size_t at = rest.find('@');
    if (colon == std::string::npos || at == std::string::npos || at < colon)
        throw UsageError(option + " takes ADDRESS:LENGTH@INSTR, not \"" + text + "\"");
    range.address = parse_number<uint64_t>(option, rest.substr(0, colon));
    range.length = parse_number<uint64_t>(option, rest.substr(colon + 1, at - colon - 1));
    range.instr = parse_number<uint64_t>(option, rest.substr(at + 1));
    if (range.length == 0 || range.length > most_bytes)
        throw UsageError(option + " takes at least one byte and at most 4 GiB, not \"" + text + "\"");
    return range;
}

void add_taint_options(po::options_description& options) {
    auto add = options.add_options();
    add("file", texts()->value_name("PATH"), "label what is read of files whose path ends in PATH");
    add("stdin", texts()->value_name("PID|NAME,..."), "label what these processes read from descriptor 0");
    add("net", po::value<std::string>()->value_name("PEER")->implicit_value(""),
        "label what arrives from sockets whose peer contains PEER");
    add("argument", texts()->value_name("PID|NAME,...")->implicit_value({}, ""),
        "label the arguments of programs that start");
    add("environment", texts()->value_name("PID|NAME,...")->implicit_value({}, ""),
        "label their environment");
    add("range", texts()->value_name("ADDRESS:LENGTH@INSTR"), "label memory at a moment");
    add("register", texts()->value_name("NAME@INSTR"), "label a register at a moment");
    add("string", texts()->value_name("TEXT"), "label a text wherever it is read or written");
    add("hypercalls", "obey PANDA's taint hypercalls in the guest");
    add("start", number_value()->default_value(0), "first position of a source that is labelled");
    add("end", number_value(), "position at which to stop");
    add("label", number_value(), "one label for all positions of a source, this number");
    add("max-num-labels", number_value(), "how many positions of a source to label at most");
    add("pointers", po::value<std::string>()->value_name("POLICY")->default_value("off"),
        "whether values get the labels of their address: off, loads or all");
    add("no-selectors", "the condition of a conditional move does not label its result");
    add("max-labels", number_value(), "labels in a set; a larger set becomes \"many\"");
    add("query", texts()->value_name("ADDRESS:LENGTH@INSTR"), "tell the labels of memory at a moment");
    add("all", "list each time by itself, not each place once");
    add("changes", "of instructions, list only those that compute");
    analyzers::add_name_options(options);
}

TaintOptions taint_options(const analyzers::Run& run) {
    TaintOptions options;
    options.engine.pointers = pointer_policy(run.text("pointers"));
    options.engine.selectors = !run.has("no-selectors");
    if (run.has("max-labels"))
        options.limits.max_labels = run.number("max-labels");
    SourceOptions& sources = options.sources;
    sources.files = run.texts("file");
    sources.stdin_of = run.texts("stdin");
    sources.network = run.has("net");
    sources.peer = run.has("net") ? run.text("net") : "";
    sources.arguments = run.has("argument");
    sources.environment = run.has("environment");
    for (const char* option : {"argument", "environment"})
        for (const std::string& program : run.texts(option))
            if (!program.empty())
                sources.programs.push_back(program);
    for (const std::string& text : run.texts("range"))
        sources.ranges.push_back(parse_range_at("--range", text));
    for (const std::string& text : run.texts("register"))
        sources.registers.push_back(parse_register_at(text));
    sources.strings = run.texts("string");
    for (const std::string& text : sources.strings)
        if (text.empty())
            throw UsageError("--string takes at least one byte");
    for (const std::string& file : sources.files)
        if (file.empty())
            throw UsageError("--file takes a path");
    sources.hypercalls = run.has("hypercalls");
    sources.start = run.number("start");
    if (run.has("end"))
        sources.end = run.number("end");
    if (run.has("label")) {
        sources.positions = false;
        sources.label = run.number("label");
    }
    if (run.has("max-num-labels"))
        sources.most_labels = run.number("max-num-labels");
    for (const std::string& text : run.texts("query"))
        options.queries.push_back(parse_range_at("--query", text));
    options.all = run.has("all");
    options.changes_only = run.has("changes");
    return options;
}

}  // namespace panda::taint
