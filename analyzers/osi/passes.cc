#include "analyzers/osi/passes.h"

#include "common/error.h"

namespace panda::analyze_osi {
namespace {

// An analyzer of trace/pass/pass.h.
class EveryMoment : public trace::IgnoresEvents, public trace::IgnoresAccesses {
  public:
    static constexpr trace::PassNeeds needs = trace::PassNeeds::memory;

    EveryMoment(const trace::PassState& state, std::shared_ptr<const osi::Provider> provider,
                const osi::OpenProvider& open, uint64_t first, uint64_t every, Reporter& reporter)
        : state_(&state),
          provider_(std::move(provider)),
          open_(&open),
          next_(first),
          every_(every),
          reporter_(&reporter) {}

    void on_block(const trace::BlockExecution& block) {
        if (block.instr >= next_) [[unlikely]]
            report(block);
    }
    void append(EveryMoment&&) {}

    const std::string& failure() const { return failure_; }

  private:
    void report(const trace::BlockExecution& block) {
        next_ = (block.instr / every_ + 1) * every_;
        if (!state_->memory_known())
            return;
        const trace::CpuState cpu = state_->cpu();
        const osi::EventPoint at{{&state_->memory(), &cpu}, block.instr, state_->blocks()[block.id].pc};
        if (!provider_ && !open(at.point))
            return;
        // Before the kernel has set itself up.
        if (provider_->current_process_handle(at.point))
            reporter_->report(*provider_, at);
    }
    bool open(const osi::Point& point) {
        try {
            provider_ = (*open_)(point);
            return true;
        } catch (const Error& error) {
            failure_ = error.what();
            return false;
        }
    }

    const trace::PassState* state_;
    std::shared_ptr<const osi::Provider> provider_;
    const osi::OpenProvider* open_;
    uint64_t next_;
    uint64_t every_;
    Reporter* reporter_;
    std::string failure_;
};

// The kernel as it is known before the pass begins; null for a pipe.
std::shared_ptr<const osi::Provider> look_ahead(trace::TraceReader& reader, const trace::PassOptions& options,
                                                const PassSystem& system) {
    std::string reason;
    auto provider =
        osi::find_in_snapshots(reader, options.range.from, system.open, !system.load_now, &reason);
    if (!provider && reader.seekable() && !reason.empty())
        throw Error(reason);
    return provider;
}

}  // namespace

std::string report_every(trace::TraceReader& reader, const trace::PassOptions& options,
                         const PassSystem& system, uint64_t every, Reporter& reporter) {
    trace::PassOptions sequential = options;
    sequential.in_order = true;
    const uint64_t from = options.range.from;
    const uint64_t first = from % every == 0 ? from : (from / every + 1) * every;
    const auto provider = look_ahead(reader, options, system);
    const auto result = trace::run_pass(reader, sequential, [&](const trace::PassState& state) {
        return EveryMoment(state, provider, system.open, first, every, reporter);
    });
    if (reporter.reports() == 0 && result.flaw.empty())
        throw Error(!result.analyzer.failure().empty()
                        ? result.analyzer.failure()
                        : reader.path() + ": no kernel runs at any of these moments");
    return result.flaw;
}

Followed follow_events(trace::TraceReader& reader, const trace::PassOptions& options,
                       const PassSystem& system, osi::EventListener& listener) {
    trace::PassOptions sequential = options;
    sequential.in_order = true;
    const osi::EventFollower::System known{look_ahead(reader, options, system), system.open};
    const auto result = trace::run_pass(reader, sequential, [&](const trace::PassState& state) {
        return osi::EventFollower(state, listener, known);
    });
    if (result.flaw.empty())
        result.analyzer.require_started();
    return {result.analyzer.warning(), result.flaw};
}

}  // namespace panda::analyze_osi
