// Finds out which process ran when.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "osi/events.h"

namespace panda::asidstory {

// A process that ran. Two processes that have the same number, one after the other, are two.
struct ProcessStory {
    int64_t pid = 0;
    int64_t ppid = 0;                     // at the time when it first ran
    std::optional<uint64_t> create_time;  // nanoseconds since the system's start
    uint64_t asid = 0;                    // the last one; 0 for kernel threads
    std::vector<std::string> names;       // in the order in which it had them
    std::set<int64_t> tids;
    uint64_t start_instr = 0;   // when it first ran
    uint64_t end_instr = 0;     // when it last stopped running
    uint64_t count = 0;         // how often it got the processor
    uint64_t instructions = 0;  // for how many it had the processor
};

// A time in which one thread had the processor.
struct Run {
    size_t story = 0;  // index
    int64_t tid = 0;
    uint64_t from = 0;  // instr
    uint64_t to = 0;    // one past the last instr
};

// Is told along the way. Each function does nothing unless it is overridden.
class StoryListener {
  public:
    virtual ~StoryListener() = default;
    // Another process, address space or name runs from here on.
    virtual void on_running(const osi::EventPoint&, const ProcessStory&, const osi::Thread&) {}
    // A run is over. name: the thread's.
    virtual void on_run(const Run&, const ProcessStory&, const std::string&) {}
    virtual void on_exec(const osi::EventPoint&, const osi::Process&) {}
    virtual void on_exit(const osi::EventPoint&, const osi::Process&) {}
};

class Story final : public osi::EventListener {
  public:
    // listeners: must outlive this.
    explicit Story(std::vector<StoryListener*> listeners) : listeners_(std::move(listeners)) {}

    void on_start(const osi::EventPoint& at, const osi::Provider& provider) override;
    void on_task_change(const osi::EventPoint& at, const osi::Thread& thread) override;
    void on_new_process(const osi::EventPoint& at, const osi::Process& process) override;
    void on_finished_process(const osi::EventPoint& at, const osi::Process& process) override;
    void on_exec(const osi::EventPoint& at, const osi::Process& process) override;
    void on_stop() override;
    // The trace ends here. Call it once.
    void finish(uint64_t instr);

    // In the order in which they first ran.
    const std::vector<ProcessStory>& processes() const { return stories_; }
    const std::vector<Run>& runs() const { return runs_; }
    uint64_t start_instr() const { return start_.value_or(0); }
    uint64_t end_instr() const { return end_; }

  private:
    void begin_run(const osi::EventPoint& at, const osi::Thread& thread);
    void end_run(uint64_t instr);
    size_t story_of(const osi::EventPoint& at, const osi::Thread& thread);
    void take_name(ProcessStory& story, const std::string& name);
    void tell_running(const osi::EventPoint& at, const osi::Thread& thread);

    std::vector<StoryListener*> listeners_;
    const osi::Provider* provider_ = nullptr;
    std::vector<ProcessStory> stories_;
    std::map<int64_t, size_t> by_pid_;  // processes that are alive
    std::vector<Run> runs_;
    std::optional<Run> open_;  // the current run
    osi::Thread thread_;       // of the current run
    std::optional<uint64_t> start_;
    uint64_t end_ = 0;
    // What listeners were told last.
    size_t told_story_ = ~size_t{0};
    uint64_t told_asid_ = 0;
    std::string told_name_;
};

}  // namespace panda::asidstory
