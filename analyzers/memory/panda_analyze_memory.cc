// panda-analyze-memory: guest memory at any instr, and who wrote it last.
#include "analyzers/memory/memory_report.h"
#include "analyzers/shared/arguments.h"

namespace {

using namespace panda;
using namespace panda::analyze_memory;
namespace po = boost::program_options;
using analyzers::parse_number;

constexpr analyzers::Usage usage = {
    "memory",
    "read ADDRESS LENGTH TRACE\n       panda-analyze memory --last-write ADDRESS --before INSTR TRACE",
    "Shows guest memory as it is right before an instruction, or finds what wrote an address last.\n"
    "Addresses are virtual, in the address space in force. Numbers are decimal, or hexadecimal with 0x."};

po::options_description visible_options() {
    po::options_description options("Options");
    options.add_options()("at", po::value<std::string>()->value_name("INSTR")->default_value("end"),
                          "read: the moment, end or a number of instructions")(
        "last-write", po::value<std::string>()->value_name("ADDRESS"), "find the last write to this address")(
        "before", po::value<std::string>()->value_name("INSTR")->default_value("end"),
        "last-write: by an instruction before this one")(
        "length", po::value<std::string>()->value_name("BYTES")->default_value("1"),
        "last-write: to any of so many bytes")("physical", "addresses are physical")(
        "asid", po::value<std::string>()->value_name("CR3"), "use the page tables of this address space")(
        "raw", "read: the bytes themselves")("json", "a JSON object");
    return options;
}

std::optional<uint64_t> parse_instr(const std::string& option, const std::string& text) {
    return text == "end" ? std::nullopt : std::optional(parse_number(option, text));
}

struct Request {
    po::variables_map given;
    std::vector<std::string> arguments;

    bool has(const char* option) const { return given.count(option) != 0; }
    std::string text(const char* option) const { return given[option].as<std::string>(); }
    Addressing addressing() const {
        Addressing addressing;
        addressing.physical = has("physical");
        if (has("asid"))
            addressing.asid = parse_number("--asid", text("asid"));
        if (addressing.physical && addressing.asid)
            throw UsageError("--physical and --asid exclude each other");
        return addressing;
    }
};

int read(const Request& request) {
    if (request.arguments.size() != 4 || request.arguments[0] != "read")
        throw UsageError("what to do is missing: read ADDRESS LENGTH TRACE, or --last-write ADDRESS TRACE");
    if (request.has("raw") && request.has("json"))
        throw UsageError("--raw and --json exclude each other");
    const uint64_t address = parse_number("read", request.arguments[1]);
    const uint64_t size = parse_number("read", request.arguments[2]);
    const auto at = parse_instr("--at", request.text("at"));
    const Addressing addressing = request.addressing();
    trace::TraceReader reader(request.arguments[3]);
    const trace::Moment moment(reader, at);
    const Bytes bytes = read_memory(moment, addressing, address, size);
    if (request.has("raw"))
        std::cout.write(reinterpret_cast<const char*>(bytes.data()),
                        static_cast<std::streamsize>(bytes.size()));
    else if (request.has("json"))
        write_json(std::cout, moment.instr(), address, bytes);
    else
        write_hex_dump(std::cout, address, bytes);
    return exit_ok;
}

int last_write(const Request& request) {
    if (request.arguments.size() != 1)
        throw UsageError("--last-write takes one trace");
    const uint64_t address = parse_number("--last-write", request.text("last-write"));
    const uint64_t size = parse_number("--length", request.text("length"));
    const auto before = parse_instr("--before", request.text("before"));
    const Addressing addressing = request.addressing();
    trace::TraceReader reader(request.arguments[0]);
    const trace::LastWrite last =
        find_last_write(reader, addressing, address, size, before.value_or(reader.end_instr()));
    if (request.has("json"))
        write_json(std::cout, last, reader.header());
    else
        write_text(std::cout, last, reader.header());
    return exit_ok;
}

int run(int count, char** arguments) {
    po::options_description hidden;
    hidden.add_options()("arguments", po::value<std::vector<std::string>>());
    po::positional_options_description positional;
    positional.add("arguments", -1);
    const auto given =
        analyzers::parse_arguments(usage, count, arguments, visible_options(), hidden, positional);
    if (!given)
        return exit_ok;
    Request request{*given, {}};
    if (request.has("arguments"))
        request.arguments = (*given)["arguments"].as<std::vector<std::string>>();
    return request.has("last-write") ? last_write(request) : read(request);
}

}  // namespace

int main(int count, char** arguments) {
    return run_main("panda-analyze-memory", [&] { return run(count, arguments); });
}
