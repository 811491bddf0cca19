#include "analyzers/taps/tap_program.h"

#include <algorithm>
#include <iomanip>
#include <ostream>

#include "common/error.h"
#include "common/file.h"
#include "common/hex.h"
#include "common/json_value.h"

namespace panda::taps {

void add_tap_options(po::options_description& options) {
    options.add_options()("asid", number_value()->value_name("CR3"),
                          "only taps in this address space; 0 is the kernel");
}

void add_file_option(po::options_description& options, const char* name, const char* file, const char* help) {
    options.add_options()(name, po::value<std::string>()->value_name("FILE")->default_value(file), help);
}

TapNumbers::Wanted wanted_taps(const analyzers::Run& run) {
    if (!run.has("asid"))
        return {};
    return [asid = run.number("asid")](const Tap& tap) { return tap.asid == asid; };
}

std::vector<Tap> read_taps(const std::string& path) {
    const MappedFile file(path);
    const auto bytes = file.bytes();
    auto taps = callstack::parse_taps({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path);
    if (taps.empty())
        throw FileError(path, "has no taps");
    return taps;
}

void add_tap(Json& object, const Tap& tap) {
    object["caller"] = hex(tap.caller);
    object["pc"] = hex(tap.pc);
    object["asid"] = hex(tap.asid);
}

std::string tap_text(const Tap& tap) {
    return hex_digits(tap.caller, 16) + " " + hex_digits(tap.pc, 16) + " " + hex_digits(tap.asid, 16);
}

void write_table(std::ostream& out, std::vector<TapLine> lines, size_t top, const std::string& heading) {
    const auto end = lines.begin() + static_cast<std::ptrdiff_t>(std::min(top, lines.size()));
    std::partial_sort(lines.begin(), end, lines.end(), [](const TapLine& a, const TapLine& b) {
        return a.bytes != b.bytes ? a.bytes > b.bytes : a.tap < b.tap;
    });
    out << "CALLER           PC               ASID                    BYTES" << heading << '\n';
    for (auto line = lines.begin(); line != end; ++line)
        out << tap_text(line->tap) << ' ' << std::setw(12) << line->bytes << line->text << '\n';
}

}  // namespace panda::taps
