#include "analyzers/syscalls/timeline_writer.h"

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

}  // namespace panda::syscalls
