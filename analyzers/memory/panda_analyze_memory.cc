// panda-analyze-memory: guest memory at any instr, and who wrote it last.
#include <iostream>

#include "analyzers/memory/memory_report.h"
#include "analyzers/names/moment_names.h"
#include "analyzers/shared/frame.h"
#include "common/error.h"

namespace {

using namespace panda;
using namespace panda::analyze_memory;
namespace po = boost::program_options;
using analyzers::parse_moment;
using analyzers::Run;

void add_options(po::options_description& options) {
    auto add = options.add_options();
    add("at", po::value<std::string>()->value_name("INSTR")->default_value("end"),
        "read: the moment, end or a number of instructions");
    add("last-write", number_value()->value_name("ADDRESS"), "find the last write to this address");
    add("before", po::value<std::string>()->value_name("INSTR")->default_value("end"),
        "last-write: by an instruction before this one");
    add("length", number_value()->value_name("BYTES")->default_value(1),
        "last-write: to any of this many bytes");
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
    if (words.size() != 4 || words[0] != "read")
        throw UsageError("what to do is missing: read ADDRESS LENGTH TRACE, or --last-write ADDRESS TRACE");
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

void analyze(Run& run) {
    run.has("last-write") ? last_write(run) : read(run);
}

constexpr analyzers::Program program = {
    .name = "memory",
    .summary = "guest memory at any instr, and what wrote an address last",
    .description =
        "Shows guest memory as it is right before an instruction, or finds what wrote an address last.\n"
        "Addresses are virtual, in the address space in force. Numbers are decimal, or hexadecimal with 0x.",
    .arguments =
        "read ADDRESS LENGTH TRACE\n       panda-analyze memory --last-write ADDRESS --before INSTR TRACE",
    .words = true,
    .shared = {.json = "a JSON object", .range = nullptr, .threads = nullptr, .quiet = nullptr},
    .add_options = add_options,
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
