// What the commands' options have in common.
#pragma once

#include <boost/program_options.hpp>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "common/command_line.h"
#include "common/error.h"
#include "common/options.h"

namespace panda::trace_tool {

namespace po = boost::program_options;

// Parses `arguments` with one positional TRACE. Returns nothing when help was asked for; it has been printed
// then.
inline std::optional<po::variables_map> parse_options(const char* command,
                                                      const std::vector<std::string>& arguments,
                                                      po::options_description options) {
    options.add_options()("help,h", "print this and exit");
    po::options_description all;
    all.add(options).add_options()("trace", po::value<std::string>());
    po::positional_options_description positional;
    positional.add("trace", 1);
    po::variables_map values;
    po::store(po::command_line_parser(arguments).options(all).positional(positional).run(), values);
    if (values.count("help") != 0) {
        std::cout << "Usage: panda-trace " << command << " [OPTIONS] TRACE\n\n" << options;
        return std::nullopt;
    }
    po::notify(values);
    if (values.count("trace") == 0)
        throw UsageError("a trace is missing");
    return values;
}

}  // namespace panda::trace_tool
