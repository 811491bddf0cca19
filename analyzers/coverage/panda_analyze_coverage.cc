// panda-analyze-coverage: which code ran, as CSV, drcov, lcov or beside its sources; PANDA's plugin "coverage".
#include <fstream>
#include <iostream>

#include "analyzers/coverage/difference.h"
#include "analyzers/coverage/drcov.h"
#include "analyzers/coverage/passes.h"
#include "analyzers/coverage/report.h"
#include "analyzers/coverage/source_lines.h"
#include "analyzers/names/moment_names.h"
#include "analyzers/shared/frame.h"
#include "common/error.h"

namespace {

using namespace panda;
using namespace panda::coverage;
namespace po = boost::program_options;

enum class Mode : uint8_t { asid_block, osi_block, edge, instruction };

void add_options(po::options_description& options) {
    const auto ranges = [] { return po::value<std::vector<std::string>>()->composing(); };
    const auto file = [] { return po::value<std::string>()->value_name("FILE"); };
    auto add = options.add_options();
    add("mode", po::value<std::string>()->default_value("asid-block"),
        "asid-block, osi-block, edge or instruction");
    add("asid", number_value(), "only in this address space (CR3)");
    add("process-name", po::value<std::string>()->value_name("NAME"), "only while this process runs");
    add("pid", number_value(), "only while this process runs");
    add("module", po::value<std::string>()->value_name("NAME"), "only code of this file or kernel module");
    add("pc", ranges()->value_name("START-END"), "only blocks within these addresses; repeatable");
    add("exclude-pc", ranges()->value_name("START-END"), "no blocks that touch these; repeatable");
    add("privilege", po::value<std::string>()->value_name("LEVEL"), "only user, or only kernel");
    add("full", "a row for each execution");
    add("summary", "only the totals of each address space or thread");
    add("filename", file(), "write the CSV there and not to standard output");
    add("drcov", file(), "write a drcov file, for Lighthouse and others");
    add("lcov", file(), "write an lcov tracefile");
    add("listing", file(), "write sources with counts, as gcov does");
    add("against", po::value<std::string>()->value_name("TRACE"),
        "print what this run covered and that one did not, and the reverse");
    analyzers::add_name_options(options, false);
}

struct Settings {
    Mode mode = Mode::asid_block;
    Owner owner = Owner::asid;
    CollectOptions collect = {};
    bool find_modules = false;
    std::string module;
    analyzers::NameOptions names;
};

Mode mode_of(const std::string& text) {
    if (text == "asid-block")
        return Mode::asid_block;
    if (text == "osi-block")
        return Mode::osi_block;
    if (text == "edge")
        return Mode::edge;
    if (text == "instruction")
        return Mode::instruction;
    throw UsageError("--mode takes asid-block, osi-block, edge or instruction, not \"" + text + "\"");
}

Selection selection_of(const analyzers::Run& run) {
    Selection selection;
    for (const std::string& range : run.texts("pc"))
        selection.include.push_back(parse_pc_range("--pc", range));
    for (const std::string& range : run.texts("exclude-pc"))
        selection.exclude.push_back(parse_pc_range("--exclude-pc", range));
    if (run.has("privilege")) {
        const std::string& level = run.text("privilege");
        if (level != "user" && level != "kernel")
            throw UsageError("--privilege takes user or kernel, not \"" + level + "\"");
        selection.privilege = level == "user" ? Privilege::user : Privilege::kernel;
    }
    if (run.has("asid"))
        selection.asid = run.number("asid");
    if (run.has("pid"))
        selection.pid = static_cast<int64_t>(run.number("pid"));
    if (run.has("process-name"))
        selection.process_name = run.text("process-name");
    return selection;
}

// What needs to know files makes the pass one by threads, unless the command line says otherwise.
Settings settings_of(const analyzers::Run& run) {
    Settings settings;
    settings.mode = mode_of(run.text("mode"));
    settings.collect.selection = selection_of(run);
    settings.collect.edges = settings.mode == Mode::edge;
    settings.names = analyzers::name_options(run.given());
    if (run.has("module"))
        settings.module = run.text("module");
    const bool lines = run.has("lcov") || run.has("listing");
    const bool by_asid = settings.mode == Mode::asid_block && !run.given()["mode"].defaulted();
    const bool files = lines || run.has("module") || (run.has("drcov") && !by_asid);
    if (settings.mode == Mode::osi_block || files || settings.collect.selection.needs_processes())
        settings.owner = Owner::thread;
    if (settings.owner == Owner::thread && by_asid)
        throw UsageError("--mode asid-block does not know processes and files");
    settings.find_modules = settings.owner == Owner::thread && (files || run.json() || run.has("against"));
    if (lines && settings.names.directories.empty())
        throw UsageError("source lines need the programs' files: name a directory with --symbols");
    if (run.has("full") && (settings.mode == Mode::instruction || run.json() || run.has("summary")))
        throw UsageError("--full writes rows of CSV for blocks or edges, and nothing else");
    if (run.has("against") && (settings.mode == Mode::edge || settings.mode == Mode::instruction ||
                               run.has("full") || run.has("summary")))
        throw UsageError("--against compares blocks");
    return settings;
}

const char* needs(const po::variables_map& given) {
    const auto has = [&](const char* option) { return given.count(option) != 0; };
    const bool by_asid = given["mode"].as<std::string>() != "osi-block" && !has("process-name") &&
                         !has("pid") && !has("module") && !has("lcov") && !has("listing") &&
                         (!has("drcov") || !given["mode"].defaulted());
    return by_asid ? "blocks" : "full";
}

// One pass, and what it found.
class Pass {
  public:
    explicit Pass(const Settings& settings)
        : settings_(settings), modules_(settings.names.directories), watch_(modules_) {}

    // Returns why the trace ended early; empty if it did not.
    std::string go(trace::TraceReader& reader, trace::PassOptions options) {
        const CollectOptions& collect = settings_.collect;
        if (settings_.owner == Owner::asid) {
            if (collect.edges || collect.sink != nullptr)
                options.in_order = true;
            auto result = trace::run_pass(
                reader, options, [&](const trace::PassState& state) { return AsidCoverage(state, collect); });
            asid_.emplace(std::move(result.analyzer));
            return result.flaw;
        }
        options.in_order = true;
        const auto open = provider_opener(settings_.names.kernel, reader.path());
        std::string reason;
        auto provider = osi::find_in_snapshots(reader, options.range.from, open,
                                               !settings_.names.kernel.load_now, &reason);
        if (!provider && reader.seekable() && !reason.empty())
            throw Error(reason);
        auto result = trace::run_pass(reader, options, [&](const trace::PassState& state) {
            return ProcessCoverage(state, collect, watch_, modules_, settings_.find_modules,
                                   {provider, open});
        });
        if (result.flaw.empty())
            result.analyzer.events().require_started();
        warning_ = result.analyzer.events().warning();
        process_.emplace(std::move(result.analyzer));
        return result.flaw;
    }

    Findings findings() const {
        return {asid_ ? asid_->collector() : process_->collector(), modules(), settings_.module};
    }
    const ModuleFinder* modules() const { return settings_.find_modules ? &modules_ : nullptr; }
    const std::string& warning() const { return warning_; }

  private:
    const Settings& settings_;
    ModuleFinder modules_;
    ThreadWatch watch_;
    std::optional<AsidCoverage> asid_;
    std::optional<ProcessCoverage> process_;
    std::string warning_;
};

// A file that is written as a whole.
class TextFile {
  public:
    explicit TextFile(const std::string& path) : path_(path), out_(path, std::ios::binary) {
        if (!out_)
            throw FileError(path, "cannot be created");
    }
    std::ostream& out() { return out_; }
    void finish() {
        out_.close();
        if (!out_)
            throw FileError(path_, "cannot be written");
    }

  private:
    std::string path_;
    std::ofstream out_;
};

void write_files(analyzers::Run& run, const Pass& pass) {
    const Findings findings = pass.findings();
    if (run.has("drcov")) {
        TextFile file(run.text("drcov"));
        write_drcov(file.out(), covered_blocks(findings), pass.modules());
        file.finish();
    }
    if (!run.has("lcov") && !run.has("listing"))
        return;
    const SourceCoverage sources = source_coverage(covered_instructions(findings), *pass.modules());
    if (sources.empty()) {
        run.warn("no code that ran has source lines in the files below --symbols");
        run.set_incomplete();
    }
    if (run.has("lcov")) {
        TextFile file(run.text("lcov"));
        write_lcov(file.out(), sources);
        file.finish();
    }
    if (run.has("listing")) {
        TextFile file(run.text("listing"));
        write_listing(file.out(), sources, run.texts("symbols"));
        file.finish();
    }
}

void write_rows(std::ostream& out, const analyzers::Run& run, const Settings& settings, const Pass& pass) {
    const Findings findings = pass.findings();
    if (run.has("summary")) {
        const auto spaces = summarize(covered_blocks(findings));
        run.json() ? write_summary_json(out, settings.owner, spaces)
                   : write_summary(out, settings.owner, spaces);
    } else if (settings.mode == Mode::edge) {
        const auto edges = covered_edges(findings);
        run.json() ? write_json(out, settings.owner, edges) : write_csv(out, edges);
    } else if (settings.mode == Mode::instruction) {
        const auto instructions = covered_instructions(findings);
        run.json() ? write_json(out, settings.owner, instructions)
                   : write_csv(out, settings.owner, instructions);
    } else {
        const auto blocks = covered_blocks(findings);
        run.json() ? write_json(out, settings.owner, blocks, pass.modules())
                   : write_csv(out, settings.owner, blocks);
    }
}

void compare(analyzers::Run& run, const Settings& settings, const Pass& pass, std::ostream& out) {
    trace::TraceReader other_trace(run.text("against"));
    Pass other(settings);
    trace::PassOptions options;
    options.range = run.range();
    const std::string flaw = other.go(other_trace, options);
    if (!flaw.empty())
        throw FileError(other_trace.path(), flaw);
    const auto blocks = covered_blocks(pass.findings());
    const auto other_blocks = covered_blocks(other.findings());
    const Difference found = difference({blocks, pass.modules()}, {other_blocks, other.modules()});
    run.json() ? write_json(out, found) : write_csv(out, found);
}

void analyze(analyzers::Run& run) {
    Settings settings = settings_of(run);
    trace::TraceReader& reader = run.reader();
    for (const char* option : {"filename", "drcov", "lcov", "listing"})
        if (run.has(option))
            require_other_file(reader.path(), run.text(option));
    std::optional<TextFile> file;
    if (run.has("filename"))
        file.emplace(run.text("filename"));
    std::ostream& out = file ? file->out() : std::cout;
    FullCsv full(out, settings.owner);
    if (run.has("full")) {
        settings.collect.sink = &full;
        settings.mode == Mode::edge ? write_edge_header(out) : write_block_header(out, settings.owner);
    }
    Pass pass(settings);
    run.set_flaw(pass.go(reader, run.pass_options(run.has("full") && !file)));
    run.end_progress();
    if (!pass.warning().empty()) {
        run.warn(pass.warning());
        run.set_incomplete();
    }
    const bool other_output = run.has("drcov") || run.has("lcov") || run.has("listing");
    if (run.has("against"))
        compare(run, settings, pass, out);
    else if (!run.has("full") && (!other_output || file || run.json() || run.has("summary")))
        write_rows(out, run, settings, pass);
    write_files(run, pass);
    if (file)
        file->finish();
}

constexpr analyzers::Program program = {
    .name = "coverage",
    .summary = "which code ran, as CSV, drcov, lcov or beside its sources",
    .description =
        "Lists the blocks of guest code that were executed, by address space or by process, or the edges\n"
        "between them. TRACE is a file, or - for standard input.",
    .add_options = add_options,
    .needs = needs,
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
