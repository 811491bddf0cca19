// Several analyzers in one go: PANDA's -panda 'NAME;NAME:argument,argument=value'.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace panda::analyze {

// An analyzer that is asked for, with its command line: "summary,kinds=all" is --summary --kinds=all.
struct Request {
    std::string name;
    std::vector<std::string> arguments;

    bool operator==(const Request&) const = default;
};

// Reads such a text. Underscores in an argument's name are written as our options have them (exclude_pc: --exclude-pc).
// A value of true, yes or on stands for the option alone, and one of false, no or off leaves it out. ;; and ,, stand for
// one ; and one , in a value. Throws a UsageError.
std::vector<Request> parse_requests(const std::string& text);

// What the analyzers need of a trace together, as panda-replay --columns has it: "blocks", "memory" or "full", and
// "registers" behind it if one of them needs those. An analyzer that does not answer needs all that there is but
// registers. programs: the analyzers' files, one for each request.
std::string needs_of(const std::vector<Request>& requests, const std::vector<std::string>& programs);

struct SideBySide {
    std::string trace;  // a file, or "-" for standard input, which each gets a copy of
    std::string
        results;  // the directory for what each one prints, as NAME.out; empty: one after the other on standard output
    bool quiet = false;  // neither progress nor how each one ended
};
// Runs the analyzers at the same time. They end when they have what they want; the stream is read to its end. Returns 0
// if all of them succeeded, else the highest exit status. Throws Error when one cannot be started, and FileError when the
// directory's files cannot be written.
int run_side_by_side(const std::vector<Request>& requests, const std::vector<std::string>& programs,
                     const SideBySide& options);

}  // namespace panda::analyze
