// Turns a running replay into a trace: translated code leaves what it does in a ring, hooks report what is
// rare, and both go to other threads (trace_collector.h), by turns, in the order in which they happened.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "replayer/engine/known_pages.h"
#include "replayer/engine/replayer.h"
#include "replayer/engine/serial_tap.h"
#include "replayer/engine/trace_batch.h"
#include "replayer/engine/trace_collector.h"
#include "replayer/engine/trace_glue.h"
#include "trace/writing/writer.h"

namespace panda::engine {

struct TraceOptions {
    std::string file;  // "-": standard output
    IfExists if_exists = IfExists::refuse;
    trace::MemoryColumns memory = trace::MemoryColumns::values;
    bool registers = false;  // at every block's start
    int compression_level = 3;
    // Instructions between snapshots, about; 0: only at the start and the end. Nothing: what
    // default_snapshot_interval() says.
    std::optional<uint64_t> snapshot_interval{};
    uint64_t first_instr = 0;  // where start() will be called
    TraceFilter filter{};
};

// How many instructions should lie between snapshots if nobody says it. memory_bytes: of the guest.
//
// To find memory at a moment, chunks since the snapshot before are decoded: 118 of them for 500 million
// instructions, of which a list of processes needs most. With 64 million it takes an eighth of the time, and
// the trace grows by 2 % (compilers) to 6 % (a boot). A snapshot looks through all memory, a 16th of a
// second for each GiB, in which 7 million instructions are traced; so large guests have fewer. The number
// must not depend on the host, because traces of one recording are the same everywhere. Without the values
// of stores, memory is known at snapshots only, whatever their number.
uint64_t default_snapshot_interval(trace::MemoryColumns memory, uint64_t memory_bytes);

class Tracer : public ReplayObserver {
  public:
    // Creates the trace of what `replayer` does from now on. The machine has been made.
    Tracer(const TraceOptions& options, const Replayer& replayer);

    // Takes the first snapshot. The machine is where the trace starts, between two blocks.
    void start();
    // Takes the last snapshot and ends the file.
    void finish();

    // What translated code has to leave in the ring.
    GlueTraceColumns columns() const {
        return {options_.memory != trace::MemoryColumns::none,
                options_.memory == trace::MemoryColumns::values, follows_, options_.registers};
    }

    // What GlueTracer reports; see trace_glue.h.
    uint32_t translated(const GlueTranslation& translation);
    void ring_full(uint32_t id);
    void abandoned(int instructions_left);
    void block_registers(const trace::BlockRegisters& values);
    void registers_changed();
    void helper_access(uint64_t address, uint64_t low, uint64_t high, unsigned size, bool store,
                       uintptr_t position);
    void filled(uint64_t page, uint64_t frame, unsigned address_space, uintptr_t position);
    void table_written(uint64_t address, uint32_t value, uintptr_t position);
    void memory_written(uint32_t block, uint64_t offset, std::span<const uint8_t> data);
    void port_write(unsigned port, unsigned size, uint32_t value);
    void device_write(uint64_t address, unsigned size, uint64_t value);
    void exception(int number, int error_code, uint64_t address, bool software);
    void control_changed();
    void system_call(GlueGate gate);
    void system_return(GlueGate gate);

    void applying(const recording::Entry& entry) override;
    void applied(const recording::Entry& entry) override;
    void checked(uint64_t) override {}
    void taken(recording::EntryKind kind, unsigned size, uint64_t address, uint64_t value,
               uint64_t value2) override;

  private:
    uint32_t offset() const;
    Aside& aside(Aside::When when, Aside::Kind kind);
    void event(Aside::When when, uint64_t instr, trace::EventDetail detail);
    // The instruction that runs has an effect outside of processor and memory.
    void event_inside(trace::EventDetail detail);
    // Everything that was started is done.
    void event_after(trace::EventDetail detail);
    // CR3; that of the filter if the other half of the filter's pair of tables (table_pair.h) is in force.
    uint64_t address_space(const trace::CpuState& cpu) const;
    // Reports what differs from what was reported last.
    void control_changed(const trace::CpuState& state);
    // Between two blocks: puts the values of the followed registers aside, if the trace follows any.
    void put_registers(Aside::Kind kind);
    // Whether the processor has stored something since the last block. That belongs to the next one.
    bool loose() const;
    // If no next one comes: what is loose gets an execution that is cut before its first instruction.
    void tie_up();
    void put_record(uint32_t id);
    // Before the block's record is in the ring.
    void make_room(uint32_t id);
    // Hands over what is in the ring; all of it is done.
    void hand_over();
    // The next batch, which is empty, starts a stretch, at so many instructions.
    void begin_stretch(uint64_t instr, const trace::CpuState& cpu);
    // The next batch that is handed over ends the stretch.
    void end_stretch(uint64_t instr);
    // What the TLBs hold, with which a stretch opens.
    std::vector<trace::Translation> translations();
    void memory_map(const trace::MemoryMap& map);
    trace::MemoryProvider memory_provider() const;

    const Replayer& replayer_;
    const TraceOptions options_;
    const bool follows_;  // registers: what a filter leaves out would change them unseen
    trace::TraceWriter writer_;
    BatchPool pool_;
    struct Collector {
        std::unique_ptr<TraceCollector> thread;
        size_t known_blocks = 0;  // of blocks_
    };
    std::vector<Collector> collectors_;
    size_t collector_ = 0;                                    // has the stretch at hand
    std::future<trace::EncodedStretch> stretch_;              // what becomes of it
    unsigned rings_ = 0;                                      // of it, handed over
    std::unique_ptr<Batch> batch_;                            // open
    std::vector<std::shared_ptr<const TracedBlock>> blocks_;  // by id
    uint64_t snapshot_interval_;
    uint64_t next_snapshot_;
    KnownPages known_;                         // their targets: frame and address space
    trace::CpuState control_;                  // as last reported
    trace::BlockRegisters block_registers_{};  // as last handed over
    bool all_registers_ = true;                // the next record's have to be told in any case
    SerialTap serials_[2] = {SerialTap(0x3f8), SerialTap(0x2f8)};
};

// The tracer's functions for the glue, which knows only one.
const GlueTracer& tracer_callbacks(Tracer& tracer, void (*failed)(const std::exception& error));

}  // namespace panda::engine
