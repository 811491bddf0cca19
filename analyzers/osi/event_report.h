// Writes events of a guest's tasks as rows, or as one JSON object per line.
#pragma once

#include <iosfwd>
#include <set>
#include <string>

#include "analyzers/osi/pandalog_entries.h"
#include "analyzers/osi/reporter.h"
#include "osi/events.h"

namespace panda::analyze_osi {

// The events in "task-change,exit" and the like, or in "all". Throws a UsageError that lists the names.
std::set<EventKind> parse_events(const std::string& text);

// "task-change" and so on, as on the command line and as "kind" in JSON.
const char* name_of(EventKind kind);

// Columns: INSTR EVENT PID TID NAME. For an event of a process, what the query asks about it is on the lines
// below. If the query asks for a tree or for modules, all of that follows each event.
class EventReport final : public osi::EventListener {
  public:
    // All must outlive this. log: null for none.
    EventReport(std::ostream& out, std::set<EventKind> wanted, Reporter& reporter,
                pandalog::PandalogFile* log);

    void on_start(const osi::EventPoint& at, const osi::Provider& provider) override;
    void on_task_change(const osi::EventPoint& at, const osi::Thread& thread) override;
    void on_new_process(const osi::EventPoint& at, const osi::Process& process) override;
    void on_finished_process(const osi::EventPoint& at, const osi::Process& process) override;
    void on_new_thread(const osi::EventPoint& at, const osi::Thread& thread) override;
    void on_finished_thread(const osi::EventPoint& at, const osi::Thread& thread) override;
    void on_exec(const osi::EventPoint& at, const osi::Process& process) override;

  private:
    void tell(EventKind kind, const osi::EventPoint& at, const osi::Process& process);
    void tell(EventKind kind, const osi::EventPoint& at, const osi::Thread& thread);
    void write_row(EventKind kind, uint64_t instr, int64_t pid, int64_t tid, const std::string& name);

    std::ostream& out_;
    std::set<EventKind> wanted_;
    Reporter& reporter_;
    pandalog::PandalogFile* log_;
    const osi::Provider* provider_ = nullptr;
    bool headed_ = false;
};

}  // namespace panda::analyze_osi
