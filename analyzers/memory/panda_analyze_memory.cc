// panda-analyze-memory: guest memory at any instr, what accessed an address, and where bytes are.
#include <algorithm>
#include <iostream>

#include "analyzers/memory/find.h"
#include "analyzers/memory/history.h"
#include "analyzers/memory/memory_report.h"
#include "analyzers/names/moment_names.h"
#include "analyzers/names/place_json.h"
#include "analyzers/shared/frame.h"
#include "common/error.h"
#include "common/hex.h"
#include "common/json_value.h"

namespace {

using namespace panda;
using namespace panda::analyze_memory;
namespace po = boost::program_options;
using analyzers::parse_moment;
using analyzers::Run;

void add_options(po::options_description& options) {
    auto add = options.add_options();
    add("at", po::value<std::string>()->value_name("INSTR")->default_value("end"),
        "read, find, history: the moment, end or a number of instructions");
    add("last-write", number_value()->value_name("ADDRESS"), "find the last write to this address");
    add("before", po::value<std::string>()->value_name("INSTR")->default_value("end"),
        "last-write: by an instruction before this one");
    add("length", number_value()->value_name("BYTES")->default_value(1),
        "last-write: to any of this many bytes");
    add("reads", "history: only reads");
    add("writes", "history: only writes");
    add("next", number_value()->value_name("INSTR"),
        "history: only the first access at or after this instruction");
    add("previous", number_value()->value_name("INSTR"),
        "history: only the last access before this instruction");
    add("ever", "find: when the bytes came and went, in the whole trace");
    add("as", po::value<std::string>()->value_name("FORM"), "find: what is given is bytes, text or a value");
    add("limit", number_value()->value_name("N")->default_value(1000),
        "find: print at most this many places");
    add_range_options(options, "history, find --ever: first instr");
    add("physical", "addresses are physical");
    add("asid", number_value()->value_name("CR3"), "use the page tables of this address space");
    add("raw", "read: write the bytes themselves");
    analyzers::add_name_options(options);
}

Addressing addressing_of(const Run& run) {
    Addressing addressing;
    addressing.physical = run.has("physical");
    if (run.has("asid"))
        addressing.asid = run.number("asid");
    if (addressing.physical && addressing.asid)
        throw UsageError("--physical and --asid exclude each other");
    return addressing;
}

void read(Run& run) {
    const std::vector<std::string>& words = run.words();
    if (words.size() != 4)
        throw UsageError("read takes ADDRESS LENGTH TRACE");
    if (run.has("raw") && run.json())
        throw UsageError("--raw and --json exclude each other");
    const auto address = parse_number("read", words[1]);
    const auto size = parse_number("read", words[2]);
    const auto at = parse_moment("--at", run.text("at"));
    const Addressing addressing = addressing_of(run);
    const trace::Moment moment(run.reader(), at);
    const Bytes bytes = read_memory(moment, addressing, address, size);
    if (run.has("raw"))
        std::cout.write(reinterpret_cast<const char*>(bytes.data()),
                        static_cast<std::streamsize>(bytes.size()));
    else if (run.json())
        write_json(std::cout, moment.instr(), address, bytes);
    else
        write_hex_dump(std::cout, address, bytes);
}

void last_write(Run& run) {
    if (run.words().size() != 1)
        throw UsageError("--last-write takes one trace");
    const auto before = parse_moment("--before", run.text("before"));
    const Addressing addressing = addressing_of(run);
    const analyzers::NameOptions wanted = analyzers::name_options(run.given());
    trace::TraceReader& reader = run.reader();
    const trace::LastWrite last = find_last_write(reader, addressing, run.number("last-write"),
                                                  run.number("length"), before.value_or(reader.end_instr()));
    std::optional<osi::Place> name;
    if (last.write && last.write->pc != 0) {
        analyzers::MomentNames names(reader, wanted);
        if (names.available()) {
            const trace::Moment moment(reader, last.write->instr);
            name = names.find({last.write->instr, moment.cpu().asid(), last.write->pc});
        }
    }
    if (run.json())
        write_json(std::cout, last, reader.header(), name);
    else
        write_text(std::cout, last, reader.header(), name);
}

HistoryQuery query_of(const Run& run) {
    if (run.words().size() != 4)
        throw UsageError("history takes ADDRESS LENGTH TRACE");
    if (run.has("reads") && run.has("writes"))
        throw UsageError("--reads and --writes exclude each other");
    if (run.has("next") && run.has("previous"))
        throw UsageError("--next and --previous exclude each other");
    HistoryQuery query;
    query.what = run.has("reads")    ? trace::SearchFor::reads
                 : run.has("writes") ? trace::SearchFor::writes
                                     : trace::SearchFor::both;
    const NumberRange range = range_option(run.given());
    query.range = {range.from, range.to};
    query.next = run.has("next");
    query.previous = run.has("previous");
    if (query.next)
        query.range.from = run.number("next");
    if (query.previous)
        query.range.to = run.number("previous");
    return query;
}

// The address is translated at --at, or else at the moment from which the search goes.
std::optional<uint64_t> moment_of(const Run& run) {
    if (!run.given()["at"].defaulted())
        return parse_moment("--at", run.text("at"));
    for (const char* option : {"next", "previous"})
        if (run.has(option))
            return run.number(option);
    return std::nullopt;
}

void history(Run& run) {
    HistoryQuery query = query_of(run);
    const auto address = parse_number("history", run.words()[1]);
    const auto size = parse_number("history", run.words()[2]);
    const Addressing addressing = addressing_of(run);
    const analyzers::NameOptions wanted = analyzers::name_options(run.given());
    trace::TraceReader& reader = run.reader();
    query.pieces = pieces_at(trace::Moment(reader, moment_of(run)), addressing, address, size);
    analyzers::MomentNames names(reader, wanted);
    HistoryWriter writer(std::cout, run.json(), reader.header(), &names);
    uint64_t count = 0;
    const SearchEffort effort = search_history(reader, query, [&](const trace::PieceAccess& access) {
        ++count;
        writer.write(access);
    });
    if (run.json())
        write_json_line(std::cout, {{"kind", "summary"},
                                    {"accesses", count},
                                    {"chunks_passed", effort.chunks_passed},
                                    {"chunks_decoded", effort.chunks_decoded}});
    else if (count == 0)
        std::cout << "no access\n";
    if (effort.saw_gap) {
        run.warn("the trace leaves out instructions there, so accesses may be missing");
        run.set_incomplete();
    }
}

std::string cause_text(const Lifetime::Cause& cause, analyzers::MomentNames& names) {
    std::string text = "instr " + std::to_string(cause.instr);
    if (cause.pc == 0)
        return text + (cause.device ? " (a device)" : " (the page walker)");
    const auto place = names.available() ? names.find({cause.instr, cause.asid, cause.pc}) : std::nullopt;
    return text + " pc " + hex(cause.pc) + (place ? " " + osi::to_text(*place) : "") + " at " +
           hex(cause.address);
}

Json cause_json(const Lifetime::Cause& cause, analyzers::MomentNames& names) {
    Json object = {{"instr", cause.instr}, {"asid", hex(cause.asid)}};
    if (cause.pc == 0)
        return object;
    object.update({{"pc", hex(cause.pc)}, {"address", hex(cause.address)}});
    if (names.available())
        if (const auto place = names.find({cause.instr, cause.asid, cause.pc}))
            analyzers::add_place(object, *place);
    return object;
}

void write_lifetime(Run& run, const Lifetime& lifetime, analyzers::MomentNames& names) {
    const auto& block = run.reader().header().memory_blocks[lifetime.block];
    if (!run.json()) {
        std::cout << (lifetime.physical ? "physical " + hex(*lifetime.physical)
                                        : block.name + " " + hex(lifetime.offset))
                  << "\n  from  "
                  << (lifetime.begin ? cause_text(*lifetime.begin, names) : "before the trace")
                  << "\n  until " << (lifetime.end ? cause_text(*lifetime.end, names) : "the end") << '\n';
        return;
    }
    Json object = {{"kind", "lifetime"}, {"block", block.name}, {"offset", lifetime.offset}};
    if (lifetime.physical)
        object["physical"] = hex(*lifetime.physical);
    if (lifetime.begin)
        object["begin"] = cause_json(*lifetime.begin, names);
    if (lifetime.end)
        object["end"] = cause_json(*lifetime.end, names);
    write_json_line(std::cout, object);
}

// Says how many places there are if not all of them were written.
void tell_count(Run& run, uint64_t count) {
    if (count == 0 && !run.json())
        std::cout << "nowhere\n";
    if (count > run.number("limit"))
        run.warn(std::to_string(count) + " places; --limit says how many to print");
}

void search_ever(Run& run, const Bytes& pattern) {
    const analyzers::NameOptions wanted = analyzers::name_options(run.given());
    const NumberRange range = range_option(run.given());
    trace::TraceReader& reader = run.reader();
    std::vector<Lifetime> found;
    uint64_t count = 0;
    const auto progress = run.start_progress(reader.end_instr() - reader.header().first_instr);
    const bool whole =
        find_ever(reader, {range.from, range.to}, pattern, progress, [&](const Lifetime& lifetime) {
            if (count++ < run.number("limit"))
                found.push_back(lifetime);
        });
    run.end_progress();
    analyzers::MomentNames names(reader, wanted);
    for (const Lifetime& lifetime : found)
        write_lifetime(run, lifetime, names);
    tell_count(run, count);
    if (!whole) {
        run.warn("memory is not known everywhere in the trace, so places may be missing");
        run.set_incomplete();
    }
}

void search(Run& run) {
    if (run.words().size() != 3)
        throw UsageError("find takes BYTES, TEXT or a VALUE, and TRACE");
    const Bytes pattern =
        parse_pattern(run.words()[1], run.has("as") ? parse_form(run.text("as")) : PatternForm::guess);
    if (run.has("ever"))
        return search_ever(run, pattern);
    const Addressing addressing = addressing_of(run);
    const trace::Moment moment(run.reader(), parse_moment("--at", run.text("at")), trace::MomentReads::most);
    const auto found = find_now(moment, addressing.asid.value_or(moment.cpu().cr3), pattern);
    for (size_t i = 0; i < std::min<size_t>(found.size(), run.number("limit")); ++i) {
        if (run.json()) {
            Json object = {
                {"kind", "place"}, {"instr", moment.instr()}, {"physical", hex(found[i].physical)}};
            for (const uint64_t address : found[i].virtuals)
                object["virtual"].push_back(hex(address));
            write_json_line(std::cout, object);
            continue;
        }
        std::cout << "physical " << hex(found[i].physical);
        for (const uint64_t address : found[i].virtuals)
            std::cout << "  " << hex(address);
        std::cout << '\n';
    }
    tell_count(run, found.size());
}

void analyze(Run& run) {
    const std::string command = run.has("last-write") || run.words().empty() ? "" : run.words().front();
    if (run.has("last-write"))
        last_write(run);
    else if (command == "read")
        read(run);
    else if (command == "history")
        history(run);
    else if (command == "find")
        search(run);
    else
        throw UsageError("what to do is missing: read, history or find, or --last-write ADDRESS TRACE");
}

constexpr analyzers::Program program = {
    .name = "memory",
    .summary = "guest memory at any instr, every access to an address, and where bytes are",
    .description =
        "Shows guest memory as it is right before an instruction, finds what accessed an address, and where\n"
        "bytes are in memory or ever were.\n"
        "Addresses are virtual, in the address space in force. Numbers are decimal, or hexadecimal with 0x.",
    .arguments =
        "read ADDRESS LENGTH TRACE\n       panda-analyze memory history ADDRESS LENGTH TRACE\n"
        "       panda-analyze memory find BYTES|TEXT|VALUE [--ever] TRACE\n"
        "       panda-analyze memory --last-write ADDRESS --before INSTR TRACE",
    .words = true,
    .shared = {.json = "a JSON object", .range = nullptr, .threads = nullptr, .quiet = nullptr},
    .add_options = add_options,
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
