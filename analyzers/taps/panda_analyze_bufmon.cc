// panda-analyze-bufmon: accesses to given buffers; PANDA's plugin of that name.
#include <iostream>
#include <sstream>

#include "analyzers/shared/frame.h"
#include "analyzers/taps/tap_pass.h"
#include "common/error.h"
#include "common/file.h"
#include "common/hex.h"
#include "common/json_value.h"
#include "common/numbers.h"

namespace {

using namespace panda;
using namespace panda::taps;
using analyzers::Run;
namespace po = boost::program_options;

constexpr size_t max_buffers = 1 << 12;

struct Buffer {
    uint64_t start = 0;
    uint64_t end = 0;
    uint64_t asid = 0;  // 0: every address space
};

// Writes each access as it comes.
class Monitor {
  public:
    static constexpr auto wants = Wants::values;

    Monitor(const Run& run, const TapNumbers& taps, std::vector<Buffer> buffers, pandalog::PandalogFile* log)
        : json_(run.json()), taps_(&taps), buffers_(std::move(buffers)), log_(log) {}

    void take(const TapAccess& access) {
        const uint64_t start = access.access.address;
        for (const Buffer& buffer : buffers_)
            if (start < buffer.end && start + access.size() > buffer.start &&
                (buffer.asid == 0 || access.state.asid_of(buffer.asid) == access.state.asid())) {
                tell(access);
                return;
            }
    }

  private:
    void tell(const TapAccess& access) {
        const Tap& tap = (*taps_)[access.tap];
        std::string bytes;
        for (const uint8_t byte : access.bytes())
            bytes += hex_digits(byte, 2);
        const char* const direction = access.write ? "WRITE" : "READ";
        const uint64_t asid = access.state.asid();
        if (json_)
            write_json_line(std::cout, {{"kind", "access"},
                                        {"direction", access.write ? "write" : "read"},
                                        {"instr", access.instr},
                                        {"caller", hex(tap.caller)},
                                        {"pc", hex(tap.pc)},
                                        {"asid", hex(asid)},
                                        {"address", hex(access.access.address)},
                                        {"size", access.size()},
                                        {"bytes", bytes}});
        else
            std::cout << direction << ' ' << access.instr << ' ' << hex_digits(tap.caller, 16) << ' '
                      << hex_digits(tap.pc, 16) << ' ' << hex_digits(asid, 16) << ' '
                      << hex_digits(access.access.address, 16) << ' ' << access.size() << ' ' << bytes
                      << '\n';
        if (log_ != nullptr)
            log_->write_fact(access.instr, tap.pc, "bufmon",
                             {{"direction", direction},
                              {"caller", tap.caller},
                              {"asid", asid},
                              {"address", access.access.address},
                              {"size", uint64_t{access.size()}}});
    }

    bool json_;
    const TapNumbers* taps_;
    std::vector<Buffer> buffers_;
    pandalog::PandalogFile* log_;
};

uint64_t hexadecimal(const std::string& word, const std::string& place) {
    const auto number = read_number(word.starts_with("0x") ? word : "0x" + word);
    if (!number)
        throw Error(place + ": \"" + word.substr(0, 40) + "\" is not a hexadecimal number");
    return *number;
}

// "address size asid", as in PANDA's search_buffers.txt; the last may be missing.
Buffer parse_buffer(const std::string& text, const std::string& place) {
    std::istringstream line(text);
    std::vector<std::string> words;
    for (std::string word; line >> word;)
        words.push_back(word);
    if (words.size() < 2 || words.size() > 3)
        throw Error(place + ": \"" + text.substr(0, 40) + "\" is not an address, a size and an asid");
    Buffer buffer{.start = hexadecimal(words[0], place)};
    const uint64_t size = hexadecimal(words[1], place);
    buffer.end = buffer.start + size;
    if (size == 0 || buffer.end < buffer.start)
        throw Error(place + ": the buffer is empty or goes beyond the last address");
    if (words.size() == 3)
        buffer.asid = hexadecimal(words[2], place);
    return buffer;
}

std::vector<Buffer> read_buffers(const Run& run) {
    std::vector<Buffer> buffers;
    for (std::string text : run.texts("buffer")) {
        for (char& letter : text)
            letter = letter == ':' ? ' ' : letter;
        try {
            buffers.push_back(parse_buffer(text, "--buffer"));
        } catch (const Error& error) {
            throw UsageError(error.what());
        }
    }
    if (!buffers.empty() && run.given()["buffers"].defaulted())
        return buffers;
    const std::string& path = run.text("buffers");
    const MappedFile file(path);
    std::istringstream lines(
        std::string(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()));
    size_t number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        if (line.find_first_not_of(" \t\r") == std::string::npos)
            continue;
        if (buffers.size() == max_buffers)
            throw FileError(path, "has more than " + std::to_string(max_buffers) + " buffers");
        buffers.push_back(parse_buffer(line, path + ": line " + std::to_string(number)));
    }
    if (buffers.empty())
        throw FileError(path, "has no buffers");
    return buffers;
}

void add_options(po::options_description& options) {
    auto add = options.add_options();
    add("buffer", po::value<std::vector<std::string>>()->composing()->value_name("ADDRESS:SIZE[:ASID]"),
        "a buffer, in hexadecimal; repeatable");
    add("buffers", po::value<std::string>()->value_name("FILE")->default_value("search_buffers.txt"),
        "the buffers: lines of address, size and asid, in hexadecimal");
}

void analyze(Run& run) {
    std::vector<Buffer> buffers = read_buffers(run);
    TapNumbers taps;
    run.reader();
    Monitor monitor(run, taps, std::move(buffers), run.pandalog());
    run_tap_pass(run, taps, monitor, true);
}

constexpr analyzers::Program program = {
    .name = "bufmon",
    .summary = "every access of guest code to given buffers",
    .description =
        "Lists the loads and stores that touch a buffer, with their tap points and bytes.\n"
        "TRACE is a file, or - for standard input.",
    .shared = {.pandalog = "each access as a fact", .threads = nullptr, .quiet = nullptr},
    .add_options = add_options,
    .analyze = analyze};

}  // namespace

int main(int count, char** arguments) {
    return analyzers::run_analyzer(program, count, arguments);
}
