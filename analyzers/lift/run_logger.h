// Writes the log of the executions that the check runs, see run_log.h.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <vector>

#include "analyzers/lift/check.h"
#include "analyzers/lift/run_log.h"

namespace panda::lift {

class RunLogger final : public CheckObserver {
  public:
    // log, blocks: must outlive this. address_space: only executions in it, by CR3 without flag bits; nothing: all.
    RunLogger(LogWriter& log, const trace::BlockTable& blocks, std::optional<uint64_t> address_space)
        : log_(log), blocks_(blocks), address_space_(address_space) {}

    void start(const trace::BlockExecution& block, Runner& before,
               const trace::AddressSpace& memory) override;
    void restart() override { records_.clear(); }
    void access(const trace::Access& access) override;
    void branch(bool taken) override;
    void end(const trace::BlockExecution& block, Runner& after, const CheckedExecution& how) override;

    // The blocks in the log, and those of which only the first instructions were executed, with how many.
    const std::set<uint32_t>& whole() const { return whole_; }
    const std::set<std::pair<uint32_t, uint32_t>>& cut() const { return cut_; }
    // Records by kind.
    const std::map<LogKind, uint64_t>& counts() const { return counts_; }

  private:
    void write(const LogRecord& record);

    LogWriter& log_;
    const trace::BlockTable& blocks_;
    std::optional<uint64_t> address_space_;
    bool wanted_ = false;             // the execution that is running
    std::vector<LogRecord> records_;  // of that
    std::set<uint32_t> whole_;
    std::set<std::pair<uint32_t, uint32_t>> cut_;
    std::map<LogKind, uint64_t> counts_;
};

}  // namespace panda::lift
