// What the programs of taps have in common: options, and taps as text and JSON.
#pragma once

#include <boost/program_options.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "analyzers/shared/frame.h"
#include "analyzers/taps/tap_numbers.h"
#include "common/json.h"

namespace panda::taps {

namespace po = boost::program_options;

// Adds --asid.
void add_tap_options(po::options_description& options);
// Adds an option for a file that is written. name: of the option; file: its default.
void add_file_option(po::options_description& options, const char* name, const char* file, const char* help);
// The taps that --asid chooses; empty for all.
TapNumbers::Wanted wanted_taps(const analyzers::Run& run);
// Reads a list of taps (callstack::parse_taps). Throws FileError, also when it is empty.
std::vector<Tap> read_taps(const std::string& path);

// caller, pc and asid, as members of a JSON object.
void add_tap(Json& object, const Tap& tap);
// "caller pc asid", each with 16 hexadecimal digits, as PANDA prints them.
std::string tap_text(const Tap& tap);

// A line of a table of taps.
struct TapLine {
    Tap tap;
    uint64_t bytes = 0;  // by which lines are sorted
    std::string text;    // further columns
};
// Writes the lines with most bytes, at most `top`. heading: of the further columns.
void write_table(std::ostream& out, std::vector<TapLine> lines, size_t top, const std::string& heading);

}  // namespace panda::taps
