#include "analyzers/shared/frame.h"

#include <iostream>

#include "common/command_line.h"
#include "common/error.h"
#include "trace/moment/mark_arguments.h"

namespace panda::analyzers {
namespace {

std::string program_name(const Program& program) {
    return std::string("panda-analyze-") + program.name;
}

po::options_description visible_options(const Program& program) {
    po::options_description options("Options");
    if (program.add_options != nullptr)
        program.add_options(options);
    auto add = options.add_options();
    const SharedOptions& shared = program.shared;
    if (shared.range != nullptr)
        add_range_options(options, shared.range);
    if (shared.threads != nullptr)
        add("threads", number_value<unsigned>()->default_value(0, "all"), shared.threads);
    if (shared.json != nullptr)
        add("json", shared.json);
    if (shared.pandalog != nullptr)
        add("pandalog", po::value<std::string>()->value_name("FILE"), shared.pandalog);
    if (shared.quiet != nullptr)
        add("quiet,q", shared.quiet);
    add("help,h", "show this help")("version", "show the version");
    return options;
}

// Nothing if it was answered here, as --help is.
std::optional<po::variables_map> parse(const Program& program, const std::vector<std::string>& arguments) {
    const po::options_description visible = visible_options(program);
    po::options_description all;
    all.add(visible).add_options()("describe", "")("needs", "")("words",
                                                                po::value<std::vector<std::string>>());
    po::positional_options_description words;
    words.add("words", program.words ? -1 : 1);
    po::variables_map given;
    po::store(po::command_line_parser(arguments).options(all).positional(words).run(), given);
    if (given.count("help") != 0)
        std::cout << "Usage: panda-analyze " << program.name << " [options] " << program.arguments << "\n\n"
                  << program.description << "\n\n"
                  << visible;
    else if (given.count("version") != 0)
        std::cout << version_line(program_name(program).c_str()) << "\n";
    else if (given.count("describe") != 0)
        std::cout << program.summary << "\n";
    else if (given.count("needs") != 0)
        std::cout << (program.needs != nullptr ? program.needs(given) : "full") << "\n";
    else {
        po::notify(given);
        return given;
    }
    return std::nullopt;
}

}  // namespace

Run::Run(const Program& program, po::variables_map given) : program_(program), given_(std::move(given)) {
    words_ = texts("words");
    if (words_.empty() && !program.words)
        throw UsageError("no trace given");
    if (has("pandalog") && !words_.empty())
        require_other_file(words_.back(), text("pandalog"));
    if (program.shared.range != nullptr) {
        const NumberRange range = range_option(given_);
        range_ = {range.from, range.to};
    }
}

std::vector<std::string> Run::texts(const char* option) const {
    return has(option) ? given_[option].as<std::vector<std::string>>() : std::vector<std::string>();
}

trace::TraceReader& Run::reader(const trace::ReaderOptions& options) {
    if (words_.empty())
        throw UsageError("no trace given");
    if (!reader_) {
        reader_.emplace(words_.back(), options);
        // Now, not after a pass of minutes: the log may be impossible to create. Not before, because a trace
        // with a wrong name must not cost an old log.
        pandalog();
    }
    return *reader_;
}

pandalog::PandalogFile* Run::pandalog() {
    if (!has("pandalog"))
        return nullptr;
    if (!pandalog_)
        pandalog_.emplace(text("pandalog"));
    return &*pandalog_;
}

trace::PassOptions Run::pass_options(bool hidden) {
    trace::PassOptions options;
    options.range = range_;
    if (program_.shared.threads != nullptr)
        options.threads = given_["threads"].as<unsigned>();
    options.progress = start_progress(trace::pass_length(reader(), range_), hidden);
    return options;
}

std::function<void(uint64_t)> Run::start_progress(uint64_t total, bool hidden) {
    progress_.emplace(program_.name, total, quiet() || hidden);
    return [this](uint64_t done) {
        if (!std::cout)
            throw Error("cannot write to standard output");
        progress_->update(done);
    };
}

void Run::end_progress() {
    if (progress_)
        progress_->finish();
}

int Run::finish() {
    end_progress();
    std::cout.flush();
    if (!std::cout)
        throw Error("cannot write to standard output");
    if (pandalog_)
        pandalog_->finish();
    for (const std::string& warning : warnings_)
        std::cerr << program_name(program_) << ": " << warning << '\n';
    if (!flaw_.empty())
        throw FileError(reader().path(), flaw_);
    return complete_ ? exit_ok : exit_failed;
}

int run_analyzer(const Program& program, const std::vector<std::string>& arguments) {
    return run_main(program_name(program).c_str(), [&] {
        const auto given = parse(program, trace::resolve_marks(arguments));
        if (!given)
            return exit_ok;
        Run run(program, *given);
        program.analyze(run);
        return run.finish();
    });
}

int run_analyzer(const Program& program, int count, char** arguments) {
    return run_analyzer(program, {arguments + 1, arguments + count});
}

std::optional<uint64_t> parse_moment(const std::string& option, const std::string& text) {
    const auto instr = read_number(text);
    if (!instr && text != "end")
        throw UsageError(option + " takes \"end\" or a number of instructions, not \"" + text + "\"");
    return instr;
}

}  // namespace panda::analyzers
