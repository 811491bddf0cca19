// Records the processor of the QEMU machine that loaded this engine.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "recorder/engine/glue.h"
#include "recorder/format/writer.h"

namespace panda::engine {

class Recorder {
  public:
    // check_interval: how many instructions are between two state checks.
    explicit Recorder(uint64_t check_interval) : check_interval_(check_interval) {}

    // Starts a recording: pauses the machine, writes its state to `file`, and lets it go on. Throws Error
    // when it is being recorded already, when such a machine cannot be recorded, and when the file cannot be
    // written; then the machine goes on as before. at_power_on: whether the machine has not loaded its
    // kernel yet; see RecordingWriter::write_constant.
    void begin(const std::string& file, IfExists if_exists, const recording::Facts& facts,
               bool at_power_on = false);
    // Ends the recording. The machine stays paused unless it is shutting down. Throws Error when nothing is
    // being recorded, and when the recording ended early because of a failure that was not reported yet.
    void end();
    // Whether the machine is being recorded.
    bool active() const { return writer_ != nullptr; }

    // The hooks report inputs with the functions that follow. These throw nothing: a failure to write is
    // kept, and ends the recording soon.
    void give(recording::EntryKind kind, uint64_t value, uint64_t value2 = 0,
              std::span<const std::byte> data = {}, uint32_t device = 0);
    // The memory map of this physical address space has changed.
    void give_map(int address_space);
    // The processor's state was replaced, by a reset or by a debugger.
    void give_processor(recording::EntryKind kind);
    // The machine is reset. No hook sees that a reset writes ROMs to memory. So this is called before and
    // after it, and what changed between the two calls is recorded as written by devices.
    void reset(bool before);
    // Called about every 64 Ki instructions, between two blocks.
    void budget();
    // Ends the recording early. reason: a sentence for the user. The machine goes on, and what was written
    // stays usable.
    void fail(const std::string& reason);
    // Does the rest of fail(). To be called from the main loop.
    void abandon();

  private:
    using Clock = std::chrono::steady_clock;

    void write_snapshot(const std::string& file, IfExists if_exists, const recording::Facts& facts);
    void write_constants(const GlueMachine& machine);
    void check();
    void finish();
    void stop_counting();
    static recording::Position position();

    const uint64_t check_interval_;
    std::unique_ptr<recording::RecordingWriter> writer_;
    uint64_t next_check_ = 0;
    Clock::time_point last_flush_;
    std::string failure_;                       // set by fail(), until end() has reported it
    std::vector<uint64_t> pages_before_reset_;  // the checksum of each page
};

}  // namespace panda::engine
