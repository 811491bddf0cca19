#include "analyzers/asidstory/story.h"

#include <algorithm>

namespace panda::asidstory {

void Story::on_start(const osi::EventPoint& at, const osi::Provider& provider) {
    provider_ = &provider;
    if (!start_)
        start_ = at.instr;
    if (const auto thread = provider.current_thread(at.point))
        begin_run(at, *thread);
}

size_t Story::story_of(const osi::EventPoint& at, const osi::Thread& thread) {
    if (const auto found = by_pid_.find(thread.pid); found != by_pid_.end())
        return found->second;
    ProcessStory story;
    story.pid = thread.pid;
    story.start_instr = at.instr;
    if (const auto handle = provider_->current_process_handle(at.point)) {
        story.create_time = provider_->details(at.point, *handle).start_time;
        if (const auto process = provider_->process(at.point, *handle)) {
            story.ppid = process->ppid;
            story.asid = process->handle.asid;
        }
    }
    stories_.push_back(std::move(story));
    by_pid_[thread.pid] = stories_.size() - 1;
    return stories_.size() - 1;
}

void Story::take_name(ProcessStory& story, const std::string& name) {
    if (std::find(story.names.begin(), story.names.end(), name) == story.names.end())
        story.names.push_back(name);
}

void Story::begin_run(const osi::EventPoint& at, const osi::Thread& thread) {
    const size_t index = story_of(at, thread);
    ProcessStory& story = stories_[index];
    take_name(story, thread.name);
    story.tids.insert(thread.tid);
    ++story.count;
    open_ = Run{index, thread.tid, at.instr, at.instr};
    thread_ = thread;
    tell_running(at, thread);
}

void Story::end_run(uint64_t instr) {
    if (!open_)
        return;
    open_->to = std::max(instr, open_->from);
    ProcessStory& story = stories_[open_->story];
    story.end_instr = open_->to;
    story.instructions += open_->to - open_->from;
    runs_.push_back(*open_);
    for (StoryListener* listener : listeners_)
        listener->on_run(*open_, story, thread_.name);
    end_ = open_->to;
    open_.reset();
}

void Story::tell_running(const osi::EventPoint& at, const osi::Thread& thread) {
    const ProcessStory& story = stories_[open_->story];
    if (told_story_ == open_->story && told_asid_ == story.asid && told_name_ == thread.name)
        return;
    told_story_ = open_->story;
    told_asid_ = story.asid;
    told_name_ = thread.name;
    for (StoryListener* listener : listeners_)
        listener->on_running(at, story, thread);
}

void Story::on_task_change(const osi::EventPoint& at, const osi::Thread& thread) {
    end_run(at.instr);
    begin_run(at, thread);
}

void Story::on_new_process(const osi::EventPoint&, const osi::Process& process) {
    by_pid_.erase(process.pid);
}

void Story::on_finished_process(const osi::EventPoint& at, const osi::Process& process) {
    for (StoryListener* listener : listeners_)
        listener->on_exit(at, process);
}

void Story::on_exec(const osi::EventPoint& at, const osi::Process& process) {
    for (StoryListener* listener : listeners_)
        listener->on_exec(at, process);
    const auto thread = provider_->current_thread(at.point);
    if (!open_ || !thread || thread->pid != process.pid)
        return;
    ProcessStory& story = stories_[open_->story];
    story.asid = process.handle.asid;
    take_name(story, thread->name);
    thread_ = *thread;
    tell_running(at, *thread);
}

// After a reset nothing runs any more, and process ids start again.
void Story::on_stop() {
    if (open_)
        end_run(std::max(end_, open_->from));
    by_pid_.clear();
}

void Story::finish(uint64_t instr) {
    end_run(instr);
    end_ = std::max(end_, instr);
}

}  // namespace panda::asidstory
