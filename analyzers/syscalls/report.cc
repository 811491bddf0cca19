#include "analyzers/syscalls/report.h"

#include "analyzers/syscalls/pairing.h"
#include "analyzers/syscalls/text.h"

namespace panda::syscalls {

CallReport::CallReport(ReportOptions options, std::vector<CallSink*> sinks)
    : options_(std::move(options)),
      processes_(options_.processes, options_.follow),
      sinks_(std::move(sinks)) {}

void CallReport::attach(CallTracker& tracker, Guest& guest) {
    guest_ = &guest;
    for (CallSink* sink : sinks_)
        sink->set_clock([&guest](uint64_t instr) { return guest.time(instr); });
    tracker.on_all_sys_enter(
        [this, &tracker, &guest](const Call& call) { enter(tracker, call, guest.user_memory()); });
    tracker.on_all_sys_return([this](const Call& call, const Return& result) { leave(call, result); });
    // A child may run before its parent's call returns with its number.
    tracker.on_child([this, &tracker](const Task& child, const trace::SystemReturn&, uint64_t) {
        if (const Call* call = tracker.call_that_made(child))
            processes_.add_child(call->task.pid, child.pid);
    });
    tracker.on_signal([this](const Task& task, const Signal& signal, uint64_t instr) {
        if (!processes_.selects(task) || !options_.signals.selects(signal.number))
            return;
        refresh();
        const std::string info = siginfo_text(signal);
        for (CallSink* sink : sinks_)
            sink->signal(task, signal, info, instr);
    });
    tracker.on_exit([this](const Task& task, uint32_t code, uint64_t instr) {
        if (!processes_.selects(task))
            return;
        refresh();
        for (CallSink* sink : sinks_)
            sink->ended(task, code, instr);
    });
    tracker.on_superseded([this](const Task& leader, const Call& call, uint64_t instr) {
        if (!processes_.selects(leader))
            return;
        refresh();
        for (CallSink* sink : sinks_)
            sink->superseded(leader, call, instr);
    });
}

void CallReport::enter(CallTracker& tracker, const Call& call, const UserMemory& memory) {
    if (!processes_.selects(call.task) || !options_.calls.selects(call))
        return;
    refresh();
    latest_ = &call;
    const auto place = open_.emplace(&call, std::make_unique<CallText>(call, memory, options_.text)).first;
    CallText* text = place->second.get();
    if (text->incomplete())
        tracker.watch(call, [text] { text->retry(); });
    for (CallSink* sink : sinks_)
        sink->begin(call, *text);
}

void CallReport::leave(const Call& call, const Return& result) {
    if (makes_tasks(call) && result.ending == Ending::returned && result.value > 0)
        processes_.add_child(call.task.pid, result.value);
    if (const auto found = open_.find(&call); found != open_.end()) {
        if (latest_ != &call)
            refresh();
        latest_ = nullptr;
        const std::unique_ptr<CallText> text = std::move(found->second);
        open_.erase(found);
        if (result.ending == Ending::diverted) {
            for (CallSink* sink : sinks_)
                sink->withdraw(call);
            return;
        }
        text->finish(result);
        for (CallSink* sink : sinks_)
            sink->end(call, result, *text);
    }
}

void CallReport::refresh() {
    const auto latest = latest_ == nullptr ? open_.end() : open_.find(latest_);
    if (latest == open_.end() || !latest->second->incomplete())
        return;
    const auto task = guest_->current_task();
    if (task && task->pid == latest->first->task.pid)
        latest->second->retry();
}

void CallReport::finish() {
    for (CallSink* sink : sinks_)
        sink->finish();
}

}  // namespace panda::syscalls
