#include "analyzers/profile/call_story.h"

#include "common/hex.h"

namespace panda::profile {
namespace {

// A frame's note: whose it is, and how deep.
constexpr unsigned depth_bits = 12;
constexpr uint32_t depth_mask = (1 << depth_bits) - 1;
constexpr size_t max_owners = size_t{1} << (32 - depth_bits);

}  // namespace

class CallStory::Listener final : public osi::EventListener, public callstack::StackListener {
  public:
    Listener(const trace::PassState& state, std::vector<CallSink*> sinks, unsigned max_depth,
             osi::Symbolizer& symbolizer, std::shared_ptr<const osi::Provider> provider)
        : state_(state),
          sinks_(std::move(sinks)),
          max_depth_(std::min(max_depth, depth_mask - 1)),
          symbolizer_(symbolizer),
          provider_(std::move(provider)) {
        owners_.push_back(std::make_unique<Owner>());
    }
    // stacks: those that this listens to.
    void set_stacks(const callstack::ShadowStacks& stacks) { stacks_ = &stacks; }

    void on_start(const osi::EventPoint& at, const osi::Provider& provider) override {
        if (const auto thread = provider.current_thread(at.point))
            on_task_change(at, *thread);
    }
    void on_task_change(const osi::EventPoint& at, const osi::Thread& thread) override {
        const Owner owner{thread.pid, thread.tid, thread.name};
        const auto [entry, fresh] = numbers_.try_emplace(owner, static_cast<uint32_t>(owners_.size()));
        if (fresh && owners_.size() < max_owners)
            owners_.push_back(std::make_unique<Owner>(owner));
        owner_ = entry->second < owners_.size() ? entry->second : 0;
        process_ = provider_->current_process_handle(at.point).value_or(osi::ProcessHandle{});
    }
    void on_exec(const osi::EventPoint& at, const osi::Process& process) override {
        symbolizer_.forget(process.handle);
        if (const auto thread = provider_->current_thread(at.point))
            on_task_change(at, *thread);
    }
    void on_finished_process(const osi::EventPoint&, const osi::Process& process) override {
        symbolizer_.forget(process.handle);
    }

    void on_call(callstack::Frame& frame, uint64_t instr) override {
        const uint32_t depth = std::min(depth_around(), depth_mask);
        frame.note = owner_ << depth_bits | depth;
        frame.instr = instr;
        if (depth > max_depth_)
            return;
        const CallLine line = line_of(frame);
        for (CallSink* const sink : sinks_)
            sink->on_begin(line);
    }
    void on_return(const callstack::Frame& frame, uint64_t instr) override {
        if ((frame.note & depth_mask) > max_depth_ || frame.function == 0)
            return;
        CallLine line = line_of(frame);
        line.end_instr = instr;
        for (CallSink* const sink : sinks_)
            sink->on_end(line);
    }

  private:
    // How many frames are around the innermost.
    uint32_t depth_around() const {
        unsigned seen = 0;
        uint32_t depth = 0;
        stacks_->walk([&](const callstack::Frame& frame) {
            if (seen++ == 0)
                return true;
            depth = (frame.note & depth_mask) + 1;
            return false;
        });
        return depth;
    }
    CallLine line_of(const callstack::Frame& frame) {
        const uint32_t depth = frame.note & depth_mask;
        return {frame.instr,   0, owners_[frame.note >> depth_bits].get(), depth, frame.kind, frame.function,
                name_of(frame)};
    }
    std::string name_of(const callstack::Frame& frame) {
        if (!provider_ || !state_.memory_known())
            return hex(frame.function);
        const uint64_t task = frame.user ? process_.task : 0;
        auto [entry, fresh] = names_.try_emplace({task, frame.function}, 0);
        if (fresh) {
            const trace::CpuState cpu = state_.cpu();
            entry->second = symbolizer_
                                .locate(*provider_, {&state_.memory(), &cpu},
                                        frame.user ? process_ : osi::ProcessHandle{}, frame.function)
                                .function;
        }
        if (entry->second == 0 || symbolizer_.function(entry->second).function.empty())
            return hex(frame.function);
        return osi::function_text(symbolizer_.function(entry->second));
    }

    const trace::PassState& state_;
    std::vector<CallSink*> sinks_;
    uint32_t max_depth_;
    osi::Symbolizer& symbolizer_;
    std::shared_ptr<const osi::Provider> provider_;
    const callstack::ShadowStacks* stacks_ = nullptr;
    std::vector<std::unique_ptr<Owner>> owners_;
    std::map<Owner, uint32_t> numbers_;
    uint32_t owner_ = 0;
    osi::ProcessHandle process_;
    std::map<std::pair<uint64_t, uint64_t>, osi::FunctionId> names_;  // by task and address
};

CallStory::CallStory(const trace::PassState& state, std::vector<CallSink*> sinks, unsigned max_depth,
                     osi::Symbolizer& symbolizer, osi::EventFollower::System system)
    : listener_(std::make_unique<Listener>(state, std::move(sinks), max_depth, symbolizer, system.provider)),
      follower_(std::make_unique<callstack::StackFollower>(state, listener_.get())),
      events_(std::make_unique<osi::EventFollower>(state, *listener_, std::move(system))) {
    listener_->set_stacks(follower_->stacks());
}

CallStory::CallStory(CallStory&&) noexcept = default;
CallStory::~CallStory() = default;

}  // namespace panda::profile
