#include "analyzers/osi/event_report.h"

#include <cinttypes>
#include <cstdio>
#include <ostream>
#include <sstream>

#include "analyzers/osi/process_line.h"
#include "analyzers/osi/text.h"
#include "common/error.h"
#include "common/hex.h"
#include "common/json_value.h"

namespace panda::analyze_osi {
namespace {

constexpr EventKind all_kinds[] = {EventKind::task_change,      EventKind::new_process,
                                   EventKind::finished_process, EventKind::new_thread,
                                   EventKind::finished_thread,  EventKind::execution};

}  // namespace

const char* name_of(EventKind kind) {
    switch (kind) {
        case EventKind::task_change:
            return "task-change";
        case EventKind::new_process:
            return "new-process";
        case EventKind::finished_process:
            return "exit";
        case EventKind::new_thread:
            return "new-thread";
        case EventKind::finished_thread:
            return "thread-exit";
        case EventKind::execution:
            return "exec";
    }
    return "";
}

std::set<EventKind> parse_events(const std::string& text) {
    std::set<EventKind> wanted;
    std::istringstream names(text);
    for (std::string name; std::getline(names, name, ',');) {
        const size_t before = wanted.size();
        bool known = name == "all";
        for (const EventKind kind : all_kinds)
            if (name == "all" || name == name_of(kind)) {
                wanted.insert(kind);
                known = true;
            }
        if (!known || (wanted.size() == before && before == 0)) {
            wanted.clear();
            break;
        }
    }
    if (wanted.empty())
        throw UsageError(
            "--on takes task-change, new-process, exit, new-thread, thread-exit, exec (several "
            "with commas between them) or all, not \"" +
            text + "\"");
    return wanted;
}

EventReport::EventReport(std::ostream& out, std::set<EventKind> wanted, Reporter& reporter,
                         pandalog::PandalogFile* log)
    : out_(out), wanted_(std::move(wanted)), reporter_(reporter), log_(log) {}

void EventReport::on_start(const osi::EventPoint&, const osi::Provider& provider) {
    provider_ = &provider;
    if (!reporter_.query().json && !headed_)
        out_ << "         INSTR  EVENT            PID     TID  NAME\n";
    headed_ = true;
}

void EventReport::write_row(EventKind kind, uint64_t instr, int64_t pid, int64_t tid,
                            const std::string& name) {
    char row[96];
    std::snprintf(row, sizeof row, "%14" PRIu64 "  %-11s  %7" PRId64 " %7" PRId64 "  ", instr, name_of(kind),
                  pid, tid);
    out_ << row << printable(name) << '\n';
}

void EventReport::tell(EventKind kind, const osi::EventPoint& at, const osi::Process& process) {
    if (wanted_.count(kind) == 0)
        return;
    const Query& query = reporter_.query();
    std::vector<std::string> warnings;
    const ProcessEntry entry = make_process_entry(*provider_, at.point, process, query.processes, warnings);
    if (query.json) {
        write_json_line(out_, process_line(name_of(kind), at.instr, entry, query.processes));
    } else {
        write_row(kind, at.instr, process.pid, process.pid, process.title);
        write_beneath(out_, entry, query.processes);
    }
    if (log_ != nullptr)
        write_pandalog(*log_, kind, at, entry, query.processes);
    reporter_.warn(warnings, at.instr);
    reporter_.report_of(*provider_, at, process);
    if (query.processes.tree || query.subject == Subject::modules)
        reporter_.report(*provider_, at);
}

void EventReport::tell(EventKind kind, const osi::EventPoint& at, const osi::Thread& thread) {
    if (wanted_.count(kind) == 0)
        return;
    const Query& query = reporter_.query();
    const auto process = provider_->process(at.point, {thread.task, 0});
    const uint64_t asid = process ? process->handle.asid : 0;
    if (query.json)
        write_json_line(out_, {{"kind", name_of(kind)},
                               {"instr", at.instr},
                               {"pid", thread.pid},
                               {"tid", thread.tid},
                               {"name", thread.name},
                               {"asid", hex(asid)},
                               {"task", hex(thread.task)}});
    else
        write_row(kind, at.instr, thread.pid, thread.tid, thread.name);
    if (log_ != nullptr)
        write_pandalog(*log_, kind, at, thread, asid);
    if (process)
        reporter_.report_of(*provider_, at, *process);
    if (query.processes.tree || query.subject == Subject::modules)
        reporter_.report(*provider_, at);
}

void EventReport::on_task_change(const osi::EventPoint& at, const osi::Thread& thread) {
    tell(EventKind::task_change, at, thread);
}
void EventReport::on_new_process(const osi::EventPoint& at, const osi::Process& process) {
    tell(EventKind::new_process, at, process);
}
void EventReport::on_finished_process(const osi::EventPoint& at, const osi::Process& process) {
    tell(EventKind::finished_process, at, process);
}
void EventReport::on_new_thread(const osi::EventPoint& at, const osi::Thread& thread) {
    tell(EventKind::new_thread, at, thread);
}
void EventReport::on_finished_thread(const osi::EventPoint& at, const osi::Thread& thread) {
    tell(EventKind::finished_thread, at, thread);
}
void EventReport::on_exec(const osi::EventPoint& at, const osi::Process& process) {
    tell(EventKind::execution, at, process);
}

}  // namespace panda::analyze_osi
