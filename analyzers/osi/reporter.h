// Writes what was asked for, at one moment or at many.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "analyzers/osi/process_report.h"
#include "analyzers/pandalog/pandalog_file.h"
#include "osi/events.h"

namespace panda::analyze_osi {

enum class Subject : uint8_t { processes, mappings, files, sockets, modules };

struct Query {
    Subject subject = Subject::processes;
    std::optional<int64_t> pid;  // whose mappings, files and sockets; nothing = those of all processes
    ProcessOptions processes;
    bool json = false;
    bool repeated = false;  // there are many moments: tables get a heading, and a process may be missing
};

class Reporter {
  public:
    // log: null for none. All must outlive this.
    Reporter(std::ostream& out, std::ostream& errors, const Query& query, pandalog::PandalogFile* log)
        : out_(out), errors_(errors), query_(query), log_(log) {}

    const Query& query() const { return query_; }
    // Writes what was asked for, at this moment. Throws NoSuchProcess unless there are many moments.
    void report(const osi::Provider& provider, const osi::EventPoint& at);
    // Writes what is mapped into the process, or open in it.
    void report_of(const osi::Provider& provider, const osi::EventPoint& at, const osi::Process& process);
    // Writes warnings that something may be missing.
    void warn(const std::vector<std::string>& warnings, uint64_t instr);

    // How many reports were written, and whether anything may be missing from them.
    uint64_t reports() const { return reports_; }
    bool complete() const { return complete_; }

  private:
    template <typename Report>
    void write(Report report, const osi::EventPoint& at);

    std::ostream& out_;
    std::ostream& errors_;
    Query query_;
    pandalog::PandalogFile* log_;
    uint64_t reports_ = 0;
    bool complete_ = true;
};

}  // namespace panda::analyze_osi
