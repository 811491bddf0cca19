// The two ways over a trace: by address space, which needs the blocks alone, and by thread, which needs introspection.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <variant>

#include "analyzers/coverage/collector.h"
#include "analyzers/coverage/modules.h"
#include "osi/event_follower.h"
#include "trace/pass/pass_state.h"

namespace panda::coverage {

// Whether the kernel was entered, or came to another place than its code leads to.
inline bool interrupts(const trace::Event& event) {
    return std::holds_alternative<trace::Interrupt>(event.detail) ||
           std::holds_alternative<trace::Exception>(event.detail) ||
           std::holds_alternative<trace::SystemCall>(event.detail) ||
           std::holds_alternative<trace::Reset>(event.detail);
}

// An analyzer (trace/pass/pass.h). Edges and sinks need one thread.
class AsidCoverage {
  public:
    static constexpr trace::PassNeeds needs = trace::PassNeeds::blocks;

    // Both must outlive this.
    AsidCoverage(const trace::PassState& state, const CollectOptions& options)
        : state_(&state), options_(&options), collector_(state.blocks(), options) {}

    void on_block(const trace::BlockExecution& block) {
        if (state_->cr3() != cr3_ || !collector_.inside()) [[unlikely]]
            change_space();
        collector_.add(block);
    }
    void on_event(const trace::Event& event) {
        if (interrupts(event))
            collector_.end_kernel_chain();
        else if (std::holds_alternative<trace::Gap>(event.detail) ||
                 std::holds_alternative<trace::ModeChange>(event.detail))
            collector_.leave();  // what the gap leaves out was executed by an unknown process
    }
    void append(AsidCoverage&& next) { collector_.append(std::move(next.collector_)); }

    const Collector& collector() const { return collector_; }

  private:
    void change_space();

    const trace::PassState* state_;
    const CollectOptions* options_;
    Collector collector_;
    uint64_t cr3_ = ~uint64_t{0};
};

// Knows which thread runs, for ProcessCoverage.
class ThreadWatch final : public osi::EventListener {
  public:
    explicit ThreadWatch(ModuleFinder& modules) : modules_(modules) {}

    void on_start(const osi::EventPoint& at, const osi::Provider& provider) override;
    void on_task_change(const osi::EventPoint& at, const osi::Thread& thread) override;
    void on_exec(const osi::EventPoint& at, const osi::Process& process) override;
    void on_finished_process(const osi::EventPoint& at, const osi::Process& process) override;
    void on_stop() override;

    Space space;
    osi::ProcessHandle process;
    const osi::Provider* provider = nullptr;
    bool changed = true;  // since the collector was told

  private:
    void run(const osi::EventPoint& at, const osi::Thread& thread);

    ModuleFinder& modules_;
};

// An analyzer of one thread.
class ProcessCoverage {
  public:
    static constexpr trace::PassNeeds needs = trace::PassNeeds::memory;

    // modules: gets where each block is, if `find` is set. All must outlive this.
    ProcessCoverage(const trace::PassState& state, const CollectOptions& options, ThreadWatch& watch,
                    ModuleFinder& modules, bool find, osi::EventFollower::System system)
        : state_(&state),
          options_(&options),
          watch_(&watch),
          modules_(&modules),
          find_(find),
          events_(state, watch, std::move(system)),
          collector_(state.blocks(), options) {}

    void on_block(const trace::BlockExecution& block) {
        events_.on_block(block);
        if (watch_->changed) [[unlikely]]
            change_space();
        if (collector_.add(block) && find_) [[unlikely]]
            find_module(block);
    }
    void on_accesses(const trace::BlockExecution& block, std::span<const trace::Access> accesses) {
        events_.on_accesses(block, accesses);
    }
    void after_accesses(const trace::BlockExecution& block) { events_.after_accesses(block); }
    void on_event(const trace::Event& event) {
        events_.on_event(event);
        if (interrupts(event))
            collector_.end_kernel_chain();
    }
    void append(ProcessCoverage&&) {}

    const Collector& collector() const { return collector_; }
    const osi::EventFollower& events() const { return events_; }

  private:
    void change_space();
    void find_module(const trace::BlockExecution& block);

    const trace::PassState* state_;
    const CollectOptions* options_;
    ThreadWatch* watch_;
    ModuleFinder* modules_;
    bool find_;
    osi::EventFollower events_;
    Collector collector_;
};

}  // namespace panda::coverage
