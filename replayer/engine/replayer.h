// Follows a recording: gives the processor the inputs that it asks for, and does to it, between two
// instructions, what was done to it while recording. Every difference between what the recording says and
// what the processor does is a divergence.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "recorder/engine/glue.h"
#include "recorder/format/reader.h"

namespace panda::engine {

// The replay does not do what the recording did. The message names the instructions between which it
// happened.
class Divergence : public Error {
  public:
    using Error::Error;
};

// Watches a replay. Its functions are called between two blocks, taken() while an instruction runs.
class ReplayObserver {
  public:
    virtual ~ReplayObserver() = default;
    // An asynchronous entry is about to be applied.
    virtual void applying(const recording::Entry& entry) = 0;
    // It has been applied.
    virtual void applied(const recording::Entry& entry) { static_cast<void>(entry); }
    // A state check has held.
    virtual void checked(uint64_t instr) = 0;
    // The instr that Replayer::call_at() was told is reached.
    virtual void reached() {}
    // The running instruction gets an input. address: that of the device, the port or the MSR.
    virtual void taken(recording::EntryKind kind, unsigned size, uint64_t address, uint64_t value,
                       uint64_t value2) {
        static_cast<void>(kind), static_cast<void>(size), static_cast<void>(address);
        static_cast<void>(value), static_cast<void>(value2);
    }
};

class Replayer {
  public:
    // file: the recording. stop_at: the replay ends when so many instructions are executed, if the recording
    // does not end before. Throws FileError.
    Replayer(const std::string& file, std::optional<uint64_t> stop_at);

    // Adds an observer, which must outlive the replay.
    void observe(ReplayObserver* observer) { observers_.push_back(observer); }
    const recording::RecordingReader& recording() const { return reader_; }
    // Has reached() of all observers called once, when so many instructions are executed.
    void call_at(uint64_t instr) { alarm_ = instr; }

    // From here on the replay goes as that of a recording which begins here: the processor is what its saved state
    // says, its TLBs are empty, and instructions are counted from here. Returns the saved state. To be called from
    // ReplayObserver::reached().
    Bytes start_over();
    // Where the replay is, in the whole recording.
    recording::Position position() const;
    // How many entries of the log the replay has taken so far.
    uint64_t consumed() const { return popped_ - inputs_.size(); }
    // Ends the replay here. To be called from ReplayObserver::reached().
    void stop() { end(false); }

    // Makes the machine: memory, map, processor. To be called on the processor's thread, before anything
    // runs.
    void set_up();

    // Returns the input of the running instruction, and sets *value2 unless it is null. kind, size, address:
    // what the instruction asks for. Throws Divergence.
    uint64_t take(recording::EntryKind kind, unsigned size, uint64_t address, uint64_t* value2);
    // Returns the vector of the interrupt that is being delivered.
    int vector() {
        requested_.reset();
        return vector_;
    }
    // To be called when HLT halts the processor. Applies what happens until it goes on, and returns true;
    // false when the replay ends instead. Throws Divergence when the recording says that it does not halt
    // here.
    bool wake();
    // Applies what happened here, and lets the processor run to where something happens next. Throws
    // Divergence.
    void between_blocks();

    // To be called each time the processor has left QEMU's loop: whether it is to go on. Throws Divergence when it
    // leaves again and again and nothing happens in between.
    bool running();

    // A number that grows with every input and every entry, at the latest with the next state check. Any thread
    // may read it.
    const std::atomic<uint64_t>& steps() const { return steps_; }
    // The instr of the last state check that held. Any thread may ask.
    uint64_t last_check() const { return last_check_; }

    // Whether an instruction is being given its input.
    bool taking() const { return taking_; }
    // The entry memory_write that is being applied; null when the processor itself writes memory.
    const recording::Entry* writing() const { return writing_; }

    // Whether the replay has ended.
    bool ended() const { return ended_; }
    // Whether it went through a whole recording to its end: it was neither cut short nor stopped before.
    bool whole() const { return whole_; }
    // Compares all memory with the recording's hashes. Call it only when whole(). Throws Divergence.
    void check_memory() const;
    // The bytes of a block of guest memory as it is now. Call it after set_up().
    std::span<const std::byte> block_bytes(uint32_t block) const {
        return std::as_bytes(std::span(blocks_[block].host, blocks_[block].size));
    }
    // The page of guest memory at a physical address, as it is now; empty if that is not memory. Call it after
    // set_up().
    std::span<const std::byte> page_bytes(uint64_t address) const;
    // The memory map in force in each physical address space. Call it after set_up().
    const std::map<uint32_t, recording::MemoryMap>& memory_maps() const { return maps_; }
    // The instr at which the replay will end, as far as this can be known before.
    uint64_t last_instr() const;

  private:
    // What an instruction will ask for.
    struct Input {
        recording::EntryKind kind;
        recording::Position position;
        uint64_t value;
        uint64_t value2;
    };

    // Reads on to the next asynchronous entry.
    void read_ahead();
    void pop();
    void done_with_next();
    uint64_t instr() const { return base_.instr + glue_instr(); }
    bool due() const;
    void apply_due();
    void apply(const recording::Entry& entry);
    void set_map(const recording::MemoryMap& map);
    void load_processor(const Bytes& state);
    void set_register(const recording::Entry& entry);
    void check(const recording::Entry& entry);
    void grant();
    void count_step() { steps_.store(steps_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }
    void end(bool whole);
    // What the recording has next, for messages: "a port-read at instruction 7".
    std::string expected() const;
    [[noreturn]] void diverged(const std::string& what) const;

    recording::RecordingReader reader_;
    recording::LogCursor log_;
    uint64_t popped_ = 0;       // entries that were read from the log
    recording::Position base_;  // where instructions are counted from
    const uint64_t stop_at_;
    std::vector<ReplayObserver*> observers_;
    std::vector<GlueBlock> blocks_;
    std::map<uint32_t, recording::MemoryMap> maps_;  // by address space
    std::deque<Input> inputs_;                       // those that stand before next_
    // The next asynchronous entry, in the cursor; nullptr at the end of the log. It bounds how far the
    // processor may run: inputs need no stop, instructions ask for them.
    const recording::Entry* next_ = nullptr;
    std::optional<uint64_t> alarm_;
    std::atomic<uint64_t> last_check_ = 0;
    std::atomic<uint64_t> steps_ = 0;
    int vector_ = -1;
    std::optional<recording::Position> requested_;  // of an interrupt whose vector was not taken yet
    recording::Position left_at_;                   // where the processor left QEMU's loop last …
    unsigned left_ = 0;                             // … and how often there
    unsigned waits_ = 0;  // passes through the loop since an instruction took what stands at its position
    bool taking_ = false;
    const recording::Entry* writing_ = nullptr;
    bool ended_ = false;
    bool whole_ = false;
};

}  // namespace panda::engine
