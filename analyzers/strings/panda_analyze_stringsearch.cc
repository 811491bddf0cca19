// panda-analyze-stringsearch: where strings are read and written.
#include <algorithm>
#include <iostream>
#include <map>

#include "analyzers/callstack/stack_report.h"
#include "analyzers/names/moment_names.h"
#include "analyzers/names/place_json.h"
#include "analyzers/strings/string_search.h"
#include "analyzers/taps/tap_program.h"
#include "common/error.h"
#include "common/file.h"
#include "common/hex.h"
#include "common/json_value.h"

namespace {

using namespace panda;
using namespace panda::strings;
using analyzers::Run;
namespace po = boost::program_options;

// A tap at which strings have passed by.
struct Matching {
    callstack::StackSample stack;  // at the first match
    std::vector<uint64_t> counts;  // by string
};

// Takes the matches, and prints each.
class Matches {
  public:
    Matches(Run& run, const PatternSet& strings, const taps::TapNumbers& taps, callstack::PassNames& names)
        : run_(run),
          log_(run.pandalog()),
          strings_(strings),
          taps_(taps),
          names_(names),
          depth_(run.number("callers")),
          silent_(run.has("summary")) {}

    void add(const StringMatch& match) {
        const taps::TapAccess& access = match.access;
        Matching& matching = found_[access.tap];
        if (matching.counts.empty()) {
            matching.counts.resize(strings_.size());
            matching.stack = take_sample(access.state, access.stacks, taps_[access.tap].pc, depth_, names_);
            matching.stack.instr = access.instr;
        }
        ++matching.counts[match.string];
        ++total_;
        if (!silent_)
            print(match);
        if (log_ != nullptr)
            log_->write_fact(access.instr, taps_[access.tap].pc, "stringsearch",
                             {{"string", string_text(strings_[match.string])},
                              {"direction", std::string(access.write ? "write" : "read")},
                              {"address", match.address},
                              {"caller", taps_[access.tap].caller},
                              {"asid", taps_[access.tap].asid}});
    }

    // PANDA's file: the callers, the outermost first, then pc and asid, and how often each string has passed by.
    void write_file(OutputFile& file) const {
        for (const uint32_t tap : taps_.sorted()) {
            const auto found = found_.find(tap);
            if (found == found_.end())
                continue;
            std::string line;
            const auto& frames = found->second.stack.frames;
            for (auto frame = frames.rbegin(); frame != frames.rend(); ++frame)
                line += hex_digits(frame->frame.return_address, 16) + " ";
            line += hex_digits(taps_[tap].pc, 16) + " " + hex_digits(taps_[tap].asid, 16) + " ";
            for (const uint64_t count : found->second.counts)
                line += " " + std::to_string(count);
            line += "\n";
            file.write(std::as_bytes(std::span(line)));
        }
    }

    void write_summary() const {
        for (const auto& [tap, matching] : found_)
            run_.json() ? write_json_tap(tap, matching) : write_text_tap(tap, matching);
        if (!run_.json())
            std::cout << total_ << " matches at " << found_.size() << " taps\n";
    }

  private:
    void print(const StringMatch& match) const {
        const taps::TapAccess& access = match.access;
        if (!run_.json()) {
            std::cout << (access.write ? "WRITE" : "READ") << " Match of str " << match.string
                      << " at: instr_count=" << access.instr << " :  " << taps::tap_text(taps_[access.tap])
                      << '\n';
            return;
        }
        Json object = {{"kind", "match"},
                       {"instr", access.instr},
                       {"direction", access.write ? "write" : "read"},
                       {"string", match.string},
                       {"address", hex(match.address)}};
        taps::add_tap(object, taps_[access.tap]);
        write_json_line(std::cout, object);
    }

    void write_text_tap(uint32_t tap, const Matching& matching) const {
        std::cout << "\ntap " << taps::tap_text(taps_[tap]) << '\n';
        for (size_t string = 0; string < strings_.size(); ++string)
            if (matching.counts[string] != 0)
                std::cout << "  " << matching.counts[string] << " times " << string_text(strings_[string])
                          << '\n';
        write_text(std::cout, matching.stack);
    }

    void write_json_tap(uint32_t tap, const Matching& matching) const {
        Json object = {{"kind", "tap"}};
        taps::add_tap(object, taps_[tap]);
        object["first_instr"] = matching.stack.instr;
        if (matching.stack.name)
            analyzers::add_place(object, *matching.stack.name);
        for (const auto& frame : matching.stack.frames) {
            Json one = {{"return", hex(frame.frame.return_address)}};
            if (frame.name)
                analyzers::add_place(one, *frame.name);
            object["callers"].push_back(std::move(one));
        }
        object["counts"] = matching.counts;
        write_json_line(std::cout, object);
    }

    Run& run_;
    pandalog::PandalogFile* log_;
    const PatternSet& strings_;
    const taps::TapNumbers& taps_;
    callstack::PassNames& names_;
    size_t depth_;
    bool silent_;
    uint64_t total_ = 0;
    std::map<uint32_t, Matching> found_;  // by tap
};

// The strings of the command line, and of the file unless only the command line has some.
std::vector<std::string> wanted_strings(const Run& run) {
    std::vector<std::string> strings = run.texts("str");
    for (const std::string& string : strings)
        if (string.empty())
            throw UsageError("--str takes a string that is not empty");
    if (!strings.empty() && run.given()["name"].defaulted())
        return strings;
    const MappedFile file(run.text("name") + "_search_strings.txt");
    const auto bytes = file.bytes();
    for (std::string& string :
         parse_strings({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, file.path()))
        strings.push_back(std::move(string));
    if (strings.empty())
        throw FileError(file.path(), "has no strings");
    return strings;
}

void add_options(po::options_description& options) {
    auto add = options.add_options();
    add("str", po::value<std::vector<std::string>>()->value_name("TEXT"),
        "search for this; may be repeated; then there need not be a file of strings");
    add("name", po::value<std::string>()->value_name("NAME")->default_value("stringsearch"),
        "search for the strings in NAME_search_strings.txt, write NAME_string_matches.txt");
    add("callers", number_value()->value_name("N")->default_value(16), "callers of a tap to tell");
    add("summary", "print only the taps, not each match");
    taps::add_tap_options(options);
    analyzers::add_name_options(options);
}

void analyze(Run& run) {
    const analyzers::NameOptions named = analyzers::name_options(run.given());
    const PatternSet strings(wanted_strings(run));
    trace::TraceReader& reader = run.reader();
    const std::string path = run.text("name") + "_string_matches.txt";
    require_other_file(reader.path(), path);
    OutputFile file(path, IfExists::overwrite);
    callstack::PassNames names(analyzers::find_kernel(reader, named), named.directories);
    taps::TapNumbers numbers(taps::wanted_taps(run));
    Matches matches(run, strings, numbers, names);
    StringSearch search(strings, [&](const StringMatch& match) { matches.add(match); });
    taps::run_tap_pass(run, numbers, search, !run.has("summary"));
    matches.write_file(file);
    file.close();
    matches.write_summary();
}

constexpr analyzers::Program program = {.name = "stringsearch",
                                        .summary = "where strings are read and written, and who called",
                                        .description =
                                            "Finds strings in what each tap point reads and writes.\n"
                                            "TRACE is a file, or - for standard input.",
                                        .shared = {.pandalog = "each match as a fact", .threads = nullptr},
                                        .add_options = add_options,
                                        .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
