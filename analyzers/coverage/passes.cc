#include "analyzers/coverage/passes.h"

namespace panda::coverage {

void AsidCoverage::change_space() {
    cr3_ = state_->cr3();
    const auto& wanted = options_->selection.asid;
    if (wanted && state_->asid_of(*wanted) != state_->asid())
        collector_.leave();
    else
        collector_.enter({.asid = state_->asid()});
}

void ThreadWatch::run(const osi::EventPoint& at, const osi::Thread& thread) {
    process = provider->current_process_handle(at.point).value_or(osi::ProcessHandle{});
    // A process's other threads may have names of their own.
    const auto owner = thread.pid == thread.tid ? std::nullopt : provider->process(at.point, process);
    space = {0, thread.pid, thread.tid, owner ? owner->name : thread.name};
    changed = true;
}

void ThreadWatch::on_start(const osi::EventPoint& at, const osi::Provider& system) {
    provider = &system;
    if (const auto thread = system.current_thread(at.point))
        run(at, *thread);
}

void ThreadWatch::on_task_change(const osi::EventPoint& at, const osi::Thread& thread) {
    run(at, thread);
}

void ThreadWatch::on_exec(const osi::EventPoint& at, const osi::Process& changed_process) {
    modules_.forget(changed_process.handle);
    if (const auto thread = provider->current_thread(at.point))
        run(at, *thread);
}

void ThreadWatch::on_finished_process(const osi::EventPoint&, const osi::Process& finished) {
    modules_.forget(finished.handle);
}

void ThreadWatch::on_stop() {
    space = {};
    process = {};
    provider = nullptr;
    changed = true;
    modules_.forget_all();
}

void ProcessCoverage::change_space() {
    watch_->changed = false;
    const Selection& selection = options_->selection;
    const Space& space = watch_->space;
    if ((selection.pid && space.pid != *selection.pid) ||
        (!selection.process_name.empty() && space.name != selection.process_name) ||
        (selection.asid && state_->asid_of(*selection.asid) != watch_->process.asid))
        collector_.leave();
    else
        collector_.enter(space);
}

void ProcessCoverage::find_module(const trace::BlockExecution& block) {
    if (watch_->provider == nullptr || !state_->memory_known())
        return;
    const trace::CpuState cpu = state_->cpu();
    const osi::Point point{&state_->memory(), &cpu};
    const trace::BlockView view = state_->blocks()[block.id];
    modules_->find(*watch_->provider, point, is_user(view) ? watch_->process : osi::ProcessHandle{},
                   {watch_->space, block.id}, view.pc);
}

}  // namespace panda::coverage
