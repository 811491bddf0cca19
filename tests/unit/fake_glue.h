// A small machine behind recorder/engine/glue.h, so that recorder, replayer and tracer can be tested without
// QEMU. It counts as QEMU does with the real glue: a block takes its instructions from the budget before it
// starts, gives back what it did not execute, and is cut when the budget does not suffice.
//
// The processor executes a program of one-byte instructions from address 0 on, over and over. Each
// instruction mixes what it sees into the registers, so that one wrong input shows in all later states:
//   p port read   m device load  t time stamp  c CPUID   r random   o port write
//   l load        s store        f one fault, then goes on          F two faults, then goes on
//   i allow interrupts           h halt, if interrupts are allowed  x change CR4
//   anything else: arithmetic
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "recorder/engine/glue.h"
#include "recorder/engine/recorder.h"
#include "replayer/engine/replayer.h"
#include "replayer/engine/tracer.h"

namespace panda::engine::test {

class FakeMachine;

// What surrounds the processor while recording. The base class is a machine in which nothing happens.
class Devices {
  public:
    virtual ~Devices() = default;
    // The answer to an instruction that asks.
    virtual uint64_t read(FakeMachine&, recording::EntryKind, unsigned size) { return size; }
    virtual uint64_t read2(FakeMachine&, recording::EntryKind) { return 0; }
    // A write to a port, or a store to where a device is.
    virtual void write(FakeMachine&, uint64_t) {}
    // Between two blocks, and again and again while the processor is halted.
    virtual void act(FakeMachine&) {}
};

class FakeMachine {
  public:
    static constexpr uint64_t ram_size = 2 << 20;
    static constexpr uint64_t rom_size = 256 << 10;
    static constexpr uint64_t device_address = 0xa0000;  // 128 KiB
    static constexpr int hard_interrupt = recording_interrupt_hard;
    static FakeMachine* current;  // the one behind glue.h; there is one at a time

    // A machine to record, or to run. block_limit: the most instructions in a block, which must not matter.
    explicit FakeMachine(const std::string& program, unsigned block_limit = 5);
    // A machine to replay on: it has nothing until the replayer makes it.
    explicit FakeMachine(unsigned block_limit = 5);
    ~FakeMachine();
    FakeMachine(const FakeMachine&) = delete;
    FakeMachine& operator=(const FakeMachine&) = delete;

    // --- Recording ---

    // Executes this many more instructions. Throws Error when the processor halts for ever.
    void run(Devices& devices, uint64_t instructions);
    // The recorder gets the inputs while recording is on.
    void attach(Recorder* recorder) { recorder_ = recorder; }
    // The most that is granted at once while recording; 65535 in QEMU. At least a block.
    uint64_t budget = 20;

    // What devices do. device: 0 not known, 1 a disk, 2 a network card.
    void write_memory(uint32_t block, uint64_t offset, const std::vector<uint8_t>& data, uint32_t device = 0);
    // Memory or nothing where the device is.
    void map_device_range(bool memory);
    void set_a20(bool enabled);
    void raise_interrupt(int vector) { raised_.insert(vector); }
    bool interrupt_raised() const { return !raised_.empty(); }
    void reset();
    void debugger_writes_register(unsigned index, uint64_t value);
    // In Devices::read() or write(): as VMware's port does.
    void device_writes_register(unsigned index, uint64_t value);
    // The main loop: what was deferred.
    void run_deferred();

    // --- Replay ---

    // Runs until the replay has ended. The tracer starts when this many instructions are executed. Throws
    // what the replayer throws, and Error when it hangs.
    void replay(Replayer& replayer, Tracer* tracer = nullptr, uint64_t trace_from = 0);

    // --- Both ---

    const GlueProcessor& processor() const { return processor_; }
    GlueProcessor& processor() { return processor_; }
    const std::vector<std::vector<uint8_t>>& memory() const { return memory_; }
    std::vector<std::vector<uint8_t>>& memory() { return memory_; }
    bool running() const { return running_; }
    bool recording() const { return recording_; }
    bool counting() const { return counting_; }
    bool halted() const { return halted_; }
    // Since the machine was made, whether counted or not.
    uint64_t executed() const { return executed_; }
    // Instruction pointers of all instructions executed while counting.
    const std::vector<uint32_t>& path() const { return path_; }
    std::string printed;  // what the guest wrote to its port, at replay
    std::vector<std::string> complaints;
    GlueMachine description;

  private:
    friend struct Door;  // the functions of glue.h
    enum class Outcome { done, fault, needs_block_of_its_own };

    void count_exception();
    uint64_t budget_left() const { return low_ + extra_; }
    void refill(unsigned block);

    void execute_block(Devices* devices);
    unsigned block_length() const;
    uint32_t translate(unsigned length);
    std::vector<GlueOperation> operations_of(uint64_t pc, unsigned length) const;
    void append_record(uint32_t id, unsigned length);
    uint64_t a20(uint64_t address) const;
    void give_back(unsigned instructions);
    Outcome step(Devices* devices, bool last);
    uint64_t input(Devices* devices, recording::EntryKind kind, unsigned size, uint64_t* value2 = nullptr,
                   uint64_t address = 0);
    void output(Devices* devices, uint8_t byte);
    void mix(uint64_t value);
    uint8_t* locate(uint64_t address, bool write, bool* device);
    void touch(uint64_t address);
    void deliver_interrupt(int vector);
    void take_exception();
    bool between_blocks_recording(Devices& devices);
    bool between_blocks_replaying();
    void start_tracing();

    const unsigned block_limit_;
    std::vector<std::vector<uint8_t>> memory_;
    std::vector<std::string> names_;
    std::vector<GlueBlock> blocks_;
    std::map<int, std::vector<GlueRange>> maps_;
    std::set<uint64_t> tlb_;  // pages whose entry was made; making one shows in memory
    GlueProcessor processor_{};
    uint64_t hidden_ = 0;  // state that the saved form cannot hold
    bool halted_ = false;
    bool fault_pending_ = false;
    int faults_to_come_ = 0;  // of the instruction under way; saved in CR2
    uint64_t executed_ = 0;
    std::vector<uint32_t> path_;

    // As in glue_count.c.
    uint64_t limit_ = 0;
    uint32_t low_ = 0;
    uint64_t extra_ = 0;
    uint64_t exception_instr_ = UINT64_MAX;
    uint32_t exceptions_ = 0;
    bool counting_ = false;
    unsigned next_block_ = 0;  // length of the next block, if not 0
    bool next_block_at_once_ = false;

    bool running_ = true;
    bool recording_ = false;
    Recorder* recorder_ = nullptr;
    std::set<int> raised_;
    std::vector<std::pair<void (*)(void*), void*>> deferred_;

    Replayer* replayer_ = nullptr;
    Tracer* tracer_ = nullptr;
    bool tracing_ = false;
    bool exception_taken_ = false;
    bool leave_ = false;
    int requested_ = 0;
    void* ring_ = nullptr;       // where the next record goes
    uint64_t* words_ = nullptr;  // of the record that was begun last
    GlueTraceColumns traced_{};
    std::map<std::string, uint32_t> translations_;
};

}  // namespace panda::engine::test
