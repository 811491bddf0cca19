// Takes the engine along a trace, and everybody who labels, asks and listens with it.
//
// It goes with a pass over system calls (analyzers/syscalls/trace_pass.h), because most sources are known from these, and
// keeps to one thread: what is tainted now depends on all that was before.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "analyzers/syscalls/linux_guest.h"
#include "analyzers/syscalls/trace_pass.h"
#include "analyzers/taint/engine.h"
#include "analyzers/taint/guest_places.h"
#include "analyzers/taint/labels.h"
#include "trace/tcg/dialect.h"

namespace panda::taint {

// An instruction, and whose it is.
struct Where {
    uint64_t instr = 0;
    uint64_t pc = 0;
    uint64_t asid = 0;    // 0 in the kernel
    bool kernel = false;  // outside of programs' privilege level
};

class TaintPass final : public syscalls::TraceObserver, TaintListener {
  public:
    // reader: at its start, opened with tcg. Throws FileError when the trace has no TCG operations.
    TaintPass(trace::TraceReader& reader, const EngineOptions& options, const SetLimits& limits);

    // --- Before the pass ---

    // Hears of everything that the engine tells. Must outlive the pass.
    void add_listener(TaintListener& listener) { listeners_.push_back(&listener); }
    // Calls a function right before an instruction, as soon as the trace has come to it.
    void at(uint64_t instr, std::function<void()> function) { due_.emplace(instr, std::move(function)); }
    // Hears of each event, after system calls were told.
    using EventCallback = std::function<void(const trace::Event&)>;
    void on_any_event(EventCallback callback) { event_callbacks_.push_back(std::move(callback)); }
    // Hears of each page of a process's or the kernel's addresses that begins to lead elsewhere.
    using FillCallback = std::function<void(uint64_t page, uint64_t flat)>;
    void on_any_fill(FillCallback callback) { fill_callbacks_.push_back(std::move(callback)); }
    // Hears of what the executions access, where it leads to, before it is done.
    using AccessCallback = std::function<void(const trace::BlockExecution&, std::span<const trace::Access>)>;
    void on_any_access(AccessCallback callback) { access_callbacks_.push_back(std::move(callback)); }
    // Calls a function, which gets a function to mark tags with, when unused sets are freed: for who keeps tags.
    using Roots = std::function<void(const std::function<void(Tag)>&)>;
    void keep_tags(Roots roots) { roots_.push_back(std::move(roots)); }
    void set_guest(syscalls::LinuxGuest& guest) { guest_ = &guest; }

    // --- In callbacks ---

    LabelNames& labels() { return labels_; }
    // The engine; null until memory is known.
    Engine* engine() { return engine_.get(); }
    syscalls::LinuxGuest& guest() { return *guest_; }
    const trace::TraceReader& reader() const { return reader_; }
    // The instruction at hand, or the next one.
    uint64_t instr() const { return instr_; }
    uint64_t asid() const;
    Where where(const TaintPlace& place) const;
    // Whose it is; the task that runs now. Nothing if the kernel is not known.
    std::optional<syscalls::Task> task();

    // Where an address of the current address space leads now; Reach::nowhere if to no RAM.
    uint64_t flat(uint64_t address) const;
    uint64_t flat_physical(uint64_t address) const;
    // Labels a byte, or makes it clean (tag clean); returns whether there is such a byte.
    bool set_byte(uint64_t address, Tag tag);
    ByteTaint get_byte(uint64_t address) const;

    // How many instructions were executed while something was tainted, and how many were interpreted.
    uint64_t instructions() const { return instructions_; }
    uint64_t interpreted() const { return interpreted_; }
    uint64_t gaps() const { return gaps_; }
    bool started() const { return engine_ != nullptr; }

    // --- For the pass ---
    void on_start(const trace::MemoryFollower& memory, uint64_t instr) override;
    void on_chunk() override;
    void on_block(const trace::BlockExecution& block) override;
    void on_split(uint64_t instr) override { split_ = instr; }
    void on_accesses(const trace::BlockExecution& block, std::span<const trace::Access> accesses) override;
    void on_event(const trace::Event& event) override;
    void on_end(uint64_t instr) override;

  private:
    void on_branch(const TaintPlace& place, Tag tag) override;
    void on_jump(const TaintPlace& place, Tag tag) override;
    void on_pointer(const TaintPlace& place, const trace::Access& access, Tag tag) override;
    void on_instruction(const TaintPlace& place, Tag tag, bool changes) override;
    bool wants_instructions() const override;

    void run_due(uint64_t before);
    void run_piece(const trace::BlockExecution& block, uint32_t to, bool last,
                   std::span<const trace::Access>& accesses);
    bool may_matter(const trace::BlockExecution& block, std::span<const trace::Access> accesses);
    void take_fills(std::span<const trace::Access> accesses);
    void transfer(const trace::Transfer& transfer);

    trace::TraceReader& reader_;
    trace::tcg::Dialect dialect_;
    EngineOptions options_;
    SetLimits limits_;
    LabelNames labels_;
    syscalls::LinuxGuest* guest_ = nullptr;
    const trace::MemoryFollower* memory_ = nullptr;
    std::unique_ptr<Engine> engine_;
    std::optional<GuestPlaces> places_;
    std::vector<TaintListener*> listeners_;
    std::vector<EventCallback> event_callbacks_;
    std::vector<FillCallback> fill_callbacks_;
    std::vector<AccessCallback> access_callbacks_;
    std::vector<Roots> roots_;
    std::multimap<uint64_t, std::function<void()>> due_;
    std::vector<Reach> reaches_;
    std::vector<Reach> deliveries_;

    uint64_t instr_ = 0;
    uint64_t split_ = 0;       // the next accesses are those up to here; 0: all that are left
    uint32_t done_ = 0;        // instructions of the current execution
    bool first_piece_ = true;  // nothing of it was interpreted yet
    bool delivered_ = false;   // an interrupt or exception, before this execution
    bool stale_ = true;        // nothing was tainted, and nothing was followed
    uint64_t instructions_ = 0;
    uint64_t interpreted_ = 0;
    uint64_t gaps_ = 0;
};

}  // namespace panda::taint
