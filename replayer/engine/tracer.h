// Turns a running replay into a trace: translated code leaves the ids of the blocks that it executes in a
// ring, hooks report what is rare, and both go to the trace in the order in which they happened.
#pragma once

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "recorder/engine/glue.h"
#include "replayer/engine/replayer.h"
#include "trace/writer.h"

namespace panda::engine {

class Tracer : public ReplayObserver {
  public:
    // Creates the trace `file` ("-": standard output) of what `replayer` will do.
    Tracer(const std::string& file, IfExists if_exists, const Replayer& replayer);

    // The machine is made and nothing ran: the first snapshot.
    void start();
    // The last snapshot, and the end of the file.
    void finish();

    // An id for a block that QEMU is about to translate; dense, not the trace's own.
    uint32_t block_id() { return next_id_++; }
    void translated(const GlueTranslation& translation);
    // The block that was begun last stopped with so many instructions to go.
    void abandoned(int instructions_left);
    // Empties the ring.
    void drain();
    void exception(int number, int error_code, uint64_t address);
    // CR0, CR3, CR4, EFER or system management mode may have changed.
    void control_changed();

    void applying(const recording::Entry& entry) override;
    void checked(uint64_t) override {}

  private:
    static constexpr uint32_t none = UINT32_MAX;
    struct Free {
        void operator()(uint32_t* ring) const { std::free(ring); }
    };
    struct Block {
        uint32_t trace_id;
        uint32_t instructions;
    };

    // Everything executed so far is in the trace, and the trace's count is the processor's.
    void synchronize();
    void event(trace::EventDetail detail);
    void snapshot();

    const Replayer& replayer_;
    trace::TraceWriter writer_;
    std::unique_ptr<uint32_t, Free> ring_;
    std::vector<Block> blocks_;       // by block_id()
    std::vector<uint32_t> executed_;  // scratch of drain()
    uint32_t last_ = none;            // begun and not yet known to have been executed in full; by block_id()
    uint32_t next_id_ = 0;
    trace::CpuState control_;  // as last reported
};

}  // namespace panda::engine
