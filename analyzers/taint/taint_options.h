// The command line of the taint analyzers.
#pragma once

#include <string>
#include <vector>

#include "analyzers/shared/frame.h"
#include "analyzers/taint/sources.h"

namespace panda::taint {

struct TaintOptions {
    EngineOptions engine;
    SetLimits limits;
    SourceOptions sources;
    std::vector<RangeAt> queries;
    bool all = false;           // each instruction each time
    bool changes_only = false;  // only instructions that compute
};

void add_taint_options(boost::program_options::options_description& options);
// Throws UsageError for what does not fit together, or if nothing is labelled.
TaintOptions taint_options(const analyzers::Run& run);

// "ADDRESS:LENGTH@INSTR", with "phys:" before it for a physical address. Throws UsageError.
RangeAt parse_range_at(const std::string& option, const std::string& text);

}  // namespace panda::taint
