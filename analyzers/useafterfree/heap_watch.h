// Follows the heaps of a guest's programs along a trace.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "analyzers/callstack/stack_follower.h"
#include "analyzers/callstack/stack_report.h"
#include "analyzers/useafterfree/allocators.h"
#include "analyzers/useafterfree/findings.h"
#include "analyzers/useafterfree/heap.h"
#include "osi/event_follower.h"

namespace panda::useafterfree {

struct WatchOptions {
    Allocators allocators;
    std::string process = {};         // only programs of this name; empty: all
    std::optional<int64_t> pid = {};  // only this one
    std::optional<uint64_t> asid = {};
    bool leaks = true;
    size_t depth = 8;                           // of the stacks that are remembered
    std::vector<std::string> directories = {};  // with symbols
};

// What one address space does with its heap.
struct Program {
    int64_t pid = 0;
    std::string name;
    uint64_t asid = 0;
    Heap heap;
    // What block id does: below `resolved`, how often it was executed without its name being known; else `resolved`, and
    // above it the number of an allocator function plus 1.
    std::vector<uint8_t> roles = {};
    std::vector<Allocator> functions = {};
    // A call of the allocator that is not over, by thread. What it calls itself does not matter.
    struct Call {
        Allocator function;
        Arguments arguments{};
        uint64_t return_address = 0;
        uint64_t stack_pointer = 0;  // where the return address is
        bool wide = true;            // 64-bit code
        Moment when = {};
        std::optional<Block> moved = {};                           // what realloc was given
        std::vector<std::pair<uint64_t, uint64_t>> unmapped = {};  // from, to
    };
    std::unordered_map<int64_t, Call> calls = {};
    trace::BlockRegisters registers{};  // at the last block of the program
    bool wide = true;
    // Findings by what they have in common: the problem, the place, the stack of the allocation.
    std::map<std::tuple<Problem, uint64_t, uint32_t>, size_t> known = {};

    static constexpr uint8_t resolved = 128;
};

// An analyzer of trace/pass/pass.h for a trace with registers; of one thread.
class HeapWatch final : public osi::EventListener {
  public:
    explicit HeapWatch(const WatchOptions& options) : options_(&options) {}

    // To be called before the pass, and with each of its callbacks.
    void start(const trace::PassState& state);
    void on_block(const trace::BlockExecution& block);
    void on_accesses(const trace::BlockExecution& block, std::span<const trace::Access> accesses);
    void on_event(const trace::Event& event);

    void on_start(const osi::EventPoint& at, const osi::Provider& provider) override;
    void on_task_change(const osi::EventPoint& at, const osi::Thread& thread) override;
    void on_new_process(const osi::EventPoint& at, const osi::Process& process) override;
    void on_finished_process(const osi::EventPoint& at, const osi::Process& process) override;
    void on_exec(const osi::EventPoint& at, const osi::Process& process) override;
    void on_stop() override;

    const std::vector<Finding>& findings() const { return findings_; }
    // How many blocks the programs got.
    uint64_t allocated() const { return allocated_; }

  private:
    void run(const osi::EventPoint& at, const osi::Thread& thread);
    bool wants(const osi::Process& process) const;
    Program* make_program(const osi::Process& process);
    const Allocator* role_of(const trace::BlockExecution& block, uint64_t pc);
    void enter(const trace::BlockExecution& block, const Allocator& function, bool wide);
    void leave(const Program::Call& call, uint64_t result);
    void release(uint64_t address, const Moment& when);
    void check(const trace::BlockExecution& block, const trace::Access& access, bool kernel);
    void find_leaks(const osi::EventPoint& at, const osi::Process& process);
    Moment moment(uint64_t instr, std::optional<uint64_t> pc = {});
    bool is_housekeeping(const NamedStack& stack) const;
    NamedStack named(uint32_t stack, bool with_pc);
    // The finding that has all this in common with an earlier one, with one more in `times`; or a new one.
    Finding& add(Problem problem, uint64_t place, const Block* block);

    const WatchOptions* options_;
    const trace::PassState* state_ = nullptr;
    std::optional<callstack::StackFollower> stacks_;
    std::optional<callstack::PassNames> names_;
    const osi::Provider* provider_ = nullptr;
    std::unordered_map<uint64_t, Program> programs_;  // by asid
    Program* program_ = nullptr;                      // that runs; null: none that is looked at
    int64_t tid_ = 0;
    StackTable table_;
    std::vector<Finding> findings_;
    uint64_t allocated_ = 0;
};

// The pass: tasks and heaps together.
class HeapPass {
  public:
    static constexpr trace::PassNeeds needs = trace::PassNeeds::memory;
    static constexpr bool needs_registers = true;

    // watch: must outlive this.
    HeapPass(const trace::PassState& state, HeapWatch& watch, osi::EventFollower::System system)
        : watch_(&watch), events_(state, watch, std::move(system)) {
        watch.start(state);
    }
    void on_block(const trace::BlockExecution& block) {
        events_.on_block(block);
        watch_->on_block(block);
    }
    void on_accesses(const trace::BlockExecution& block, std::span<const trace::Access> accesses) {
        events_.on_accesses(block, accesses);
        watch_->on_accesses(block, accesses);
    }
    void after_accesses(const trace::BlockExecution& block) { events_.after_accesses(block); }
    void on_event(const trace::Event& event) {
        watch_->on_event(event);
        events_.on_event(event);
    }
    void append(HeapPass&&) {}

    const osi::EventFollower& events() const { return events_; }

  private:
    HeapWatch* watch_;
    osi::EventFollower events_;
};

}  // namespace panda::useafterfree
