// Every access to a piece of memory, or the one next to a moment.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "analyzers/memory/memory_report.h"
#include "analyzers/names/moment_names.h"
#include "trace/moment/access_search.h"

namespace panda::analyze_memory {

// What to look for.
struct HistoryQuery {
    std::vector<trace::MemoryPiece> pieces;
    trace::SearchFor what = trace::SearchFor::both;
    trace::InstrRange range;
    bool next = false;      // only the first one in the range
    bool previous = false;  // only the last one before range.to
};

// What the search took.
struct SearchEffort {
    uint64_t chunks_passed = 0;
    uint64_t chunks_decoded = 0;
    bool saw_gap = false;
};

// Calls visit for each access, in the order of time. Throws as trace::AccessSearch does.
SearchEffort search_history(trace::TraceReader& reader, const HistoryQuery& query,
                            const std::function<void(const trace::PieceAccess&)>& visit);

// Writes accesses as text or JSON, with names. The name of an instruction and its process are looked up where it accessed
// first; they are told of its later accesses in the same address space as well.
class HistoryWriter {
  public:
    // names: null for no names. All must outlive this.
    HistoryWriter(std::ostream& out, bool json, const trace::TraceHeader& header,
                  analyzers::MomentNames* names)
        : out_(out), json_(json), header_(header), names_(names) {}

    void write(const trace::PieceAccess& access);

  private:
    struct Who {
        std::optional<osi::Place> place;
        std::string process;
        int64_t pid = 0;
    };
    const Who& who(const trace::PieceAccess& access);
    void write_text(const trace::PieceAccess& access);
    void write_json(const trace::PieceAccess& access);

    std::ostream& out_;
    bool json_;
    const trace::TraceHeader& header_;
    analyzers::MomentNames* names_;
    std::map<std::pair<uint64_t, uint64_t>, Who> known_;  // by address space and pc
};

}  // namespace panda::analyze_memory
