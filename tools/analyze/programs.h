// The analyzers that panda-analyze can run: programs named panda-analyze-NAME.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace panda::analyze {

struct Program {
    std::string name;  // without "panda-analyze-"
    std::string path;
};

// The directories to look in, in order: `beside`, then those of `path_variable` (as in PATH; empty parts are
// skipped, for they would mean the current directory).
std::vector<std::string> search_directories(const std::string& beside, const std::string& path_variable);

// The program for `name`, from the first directory that has one.
std::optional<std::string> find_program(const std::string& name, const std::vector<std::string>& directories);

// All programs, sorted by name, each from the first directory that has it.
std::vector<Program> list_programs(const std::vector<std::string>& directories);

}  // namespace panda::analyze
