// What panda-analyze coverage writes: PANDA's CSV, JSON lines, and a summary.
#pragma once

#include <ostream>
#include <vector>

#include "analyzers/coverage/covered.h"

namespace panda::coverage {

// Whose code a line names.
enum class Owner : uint8_t {
    asid,    // an address space
    thread,  // process and thread
};

// CSV as PANDA's plugin writes it. For blocks the first line says what the rows are of ("asid" or "process"), the next
// one names the columns; for edges there is only the latter.
void write_block_header(std::ostream& out, Owner owner);
void write_edge_header(std::ostream& out);
void write_csv(std::ostream& out, Owner owner, const std::vector<CoveredBlock>& blocks);
void write_csv(std::ostream& out, const std::vector<CoveredEdge>& edges);
// A kind of file of this project's own, with a count in each row.
void write_csv(std::ostream& out, Owner owner, const std::vector<CoveredInstruction>& instructions);

// One object a line. modules: may be null.
void write_json(std::ostream& out, Owner owner, const std::vector<CoveredBlock>& blocks,
                const ModuleFinder* modules);
void write_json(std::ostream& out, Owner owner, const std::vector<CoveredEdge>& edges);
void write_json(std::ostream& out, Owner owner, const std::vector<CoveredInstruction>& instructions);

// A line for each space: how many blocks it ran, how many bytes of code they are, and how often they ran.
struct SpaceSummary {
    Space space;
    uint64_t blocks = 0;
    uint64_t bytes = 0;  // each byte once
    uint64_t executions = 0;
    uint64_t first_instr = 0;
};
// By descending number of blocks.
std::vector<SpaceSummary> summarize(const std::vector<CoveredBlock>& blocks);
void write_summary(std::ostream& out, Owner owner, const std::vector<SpaceSummary>& spaces);
void write_summary_json(std::ostream& out, Owner owner, const std::vector<SpaceSummary>& spaces);

// Writes a row for each execution, as it happens.
class FullCsv final : public RecordSink {
  public:
    FullCsv(std::ostream& out, Owner owner) : out_(out), owner_(owner) {}
    void on_block(const Space& space, const trace::BlockView& block, uint64_t instr) override;
    void on_edge(const Space& space, const trace::BlockView& from, const trace::BlockView& to,
                 uint64_t instr) override;

  private:
    std::ostream& out_;
    Owner owner_;
};

}  // namespace panda::coverage
