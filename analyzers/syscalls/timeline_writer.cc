#include "analyzers/syscalls/timeline_writer.h"

#include "analyzers/syscalls/text.h"
#include "common/json_value.h"

namespace panda::syscalls {

using analyzers::timeline_time;

void TimelineWriter::name_task(const Task& task) {
    std::string& name = names_[task.tid];
    if (name == task.name)
        return;
    name = task.name;
    if (task.pid == task.tid)
        file_.name_process(task.pid, task.name);
    file_.name_thread(task.pid, task.tid, task.name);
}

void TimelineWriter::end(const Call& call, const Return& result, const CallText& text) {
    name_task(call.task);
    analyzers::TimelineFile::Event event = {{"ph", result.ending == Ending::returned ? "X" : "B"},
                                            {"name", call.name()},
                                            {"pid", call.task.pid},
                                            {"tid", call.task.tid},
                                            {"ts", timeline_time(call.instr)}};
    if (result.ending == Ending::returned)
        event["dur"] = timeline_time(result.instr - call.instr);
    event["args"] = {{"call", text.whole()}, {"result", text.result()}};
    file_.add(event);
}

void TimelineWriter::add_instant(const Task& task, uint64_t instr, const std::string& name,
                                 const std::string& info) {
    name_task(task);
    analyzers::TimelineFile::Event event = {{"ph", "i"},       {"s", "t"},
                                            {"name", name},    {"pid", task.pid},
                                            {"tid", task.tid}, {"ts", timeline_time(instr)}};
    event["args"] = {{"info", info}};
    file_.add(event);
}

void TimelineWriter::signal(const Task& task, const Signal& signal, const std::string& info, uint64_t instr) {
    add_instant(task, instr, signal_text(signal.number), info);
}

void TimelineWriter::ended(const Task& task, uint32_t code, uint64_t instr) {
    const ExitCode end(code);
    add_instant(task, instr, end.signal == 0 ? "exited" : "killed",
                end.signal == 0 ? std::to_string(end.status) : signal_text(end.signal));
}

}  // namespace panda::syscalls
