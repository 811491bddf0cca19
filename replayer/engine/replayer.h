// Follows a recording: gives the processor what it asks for, and does to it, between two instructions, what
// was done while recording. Every difference between what the recording says and what the processor does is a
// divergence.
#pragma once

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

// Who watches a replay; called between two blocks.
class ReplayObserver {
  public:
    virtual ~ReplayObserver() = default;
    // An asynchronous entry is about to be applied.
    virtual void applying(const recording::Entry& entry) = 0;
    // It has been applied.
    virtual void applied(const recording::Entry& entry) { static_cast<void>(entry); }
    // A state check has held.
    virtual void checked(uint64_t instr) = 0;
    // So many instructions were executed as Replayer::call_at() was told.
    virtual void reached() {}
    // The running instruction gets an input. address: of the device, the port or the MSR.
    virtual void taken(recording::EntryKind kind, unsigned size, uint64_t address, uint64_t value,
                       uint64_t value2) {
        static_cast<void>(kind), static_cast<void>(size), static_cast<void>(address);
        static_cast<void>(value), static_cast<void>(value2);
    }
};

class Replayer {
  public:
    // stop_at: the replay ends when so many instructions are executed, if the recording does not end before.
    Replayer(const std::string& file, std::optional<uint64_t> stop_at);

    void observe(ReplayObserver* observer) { observers_.push_back(observer); }
    const recording::RecordingReader& recording() const { return reader_; }
    // Calls observers' reached() once, when so many instructions are executed.
    void call_at(uint64_t instr) { alarm_ = instr; }

    // Makes the machine: memory, map, processor. On the processor's thread, before anything runs.
    void set_up();

    // The input of the running instruction. Throws Divergence.
    uint64_t take(recording::EntryKind kind, unsigned size, uint64_t address, uint64_t* value2);
    // The vector of the interrupt that is being delivered.
    int vector() {
        requested_.reset();
        return vector_;
    }
    // HLT: whether the processor goes on. Throws Divergence when nothing would ever wake it.
    bool wake();
    // Applies what happened here, and lets the processor run to where something happens next. Throws
    // Divergence.
    void between_blocks();

    // Whether an instruction is being given its input.
    bool taking() const { return taking_; }
    // The entry memory_write that is being applied; nullptr when memory is written by the processor itself.
    const recording::Entry* writing() const { return writing_; }

    bool ended() const { return ended_; }
    // True when it went through the recording to its end in order (not cut short, not stopped before).
    bool whole() const { return whole_; }
    // Compares all memory with the recording's hashes. Call when whole(). Throws Divergence.
    void check_memory() const;
    // A block of guest memory as it is now; after set_up().
    std::span<const std::byte> block_bytes(uint32_t block) const {
        return std::as_bytes(std::span(blocks_[block].host, blocks_[block].size));
    }
    // The memory map in force of each physical address space; after set_up().
    const std::map<uint32_t, recording::MemoryMap>& memory_maps() const { return maps_; }
    // Where the replay will end, as far as is known before.
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
    void done_with_next();
    bool due() const;
    void apply_due();
    void apply(const recording::Entry& entry);
    void set_map(const recording::MemoryMap& map);
    void load_processor(const Bytes& state);
    void check(const recording::Entry& entry);
    void grant();
    void end(bool whole);
    // What the recording has next, for messages: "a port-read at instruction 7".
    std::string expected() const;
    [[noreturn]] void diverged(const std::string& what) const;

    recording::RecordingReader reader_;
    recording::LogCursor log_;
    const uint64_t stop_at_;
    std::vector<ReplayObserver*> observers_;
    std::vector<GlueBlock> blocks_;
    std::map<uint32_t, recording::MemoryMap> maps_;  // by address space
    std::deque<Input> inputs_;                       // before next_
    // The next asynchronous entry, in the cursor; nullptr at the end of the log. It bounds how far the
    // processor may run: inputs need no stop, instructions ask for them.
    const recording::Entry* next_ = nullptr;
    std::optional<uint64_t> alarm_;
    uint64_t last_check_ = 0;
    int vector_ = -1;
    std::optional<recording::Position> requested_;  // an interrupt here, whose vector was not taken yet
    unsigned waits_ = 0;  // passes through the loop since an instruction took what stands at its position
    bool taking_ = false;
    const recording::Entry* writing_ = nullptr;
    bool ended_ = false;
    bool whole_ = false;
};

}  // namespace panda::engine
