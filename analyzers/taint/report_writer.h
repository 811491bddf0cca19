// Writes what the reports found: as text, JSON, and facts of a pandalog.
#pragma once

#include <string>
#include <vector>

#include "analyzers/names/moment_names.h"
#include "analyzers/shared/frame.h"
#include "analyzers/taint/hypercalls.h"
#include "analyzers/taint/reports.h"

namespace panda::taint {

class ReportWriter {
  public:
    // analyzer: its name, for facts. All must outlive this.
    ReportWriter(analyzers::Run& run, TaintPass& pass, analyzers::MomentNames& names, const char* analyzer)
        : run_(run), pass_(pass), names_(names), analyzer_(analyzer) {}

    void write_labelled(const std::vector<Labelled>& rows);
    void write_answers(const std::vector<HypercallAnswer>& rows);
    void write_queries(const std::vector<QueryAnswer>& rows);
    // kind: "branch", "jump", "pointer" or "instruction".
    void write_places(const char* kind, const PlaceList& places);
    // How deep computations went: the deepest of all, and by instruction.
    void write_depths(const PlaceList& instructions, const PlaceList& branches);
    void write_left(const std::vector<Left>& rows);
    void write_liveness(const std::vector<Liveness::Count>& rows);

  private:
    struct Row {
        const char* kind;
        uint64_t instr = 0;
        uint64_t pc = 0;
        uint64_t asid = 0;
        int64_t pid = 0;
        std::string process;
        std::vector<SourceRange> labels;
    };
    // Starts a row: its text up to the labels, or its JSON and its fact.
    void write(const Row& row, const std::string& what,
               const std::vector<std::pair<const char*, uint64_t>>& numbers,
               const std::vector<std::pair<const char*, std::string>>& texts);

    analyzers::Run& run_;
    TaintPass& pass_;
    analyzers::MomentNames& names_;
    const char* analyzer_;
};

}  // namespace panda::taint
