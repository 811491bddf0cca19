// Runs lifted blocks: compiles them with LLVM's ORC, some hundred at a time, and gives them a processor's state and a
// guest to work on.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "analyzers/lift/lifted_blocks.h"
#include "trace/cpu_state.h"

namespace panda::lift {

// What a block finds outside of the processor. A block that cannot go on is left by stop().
class Guest {
  public:
    virtual ~Guest() = default;
    // size: 1, 2, 4, 8 bytes; the value as a little-endian number with zeros above.
    virtual uint64_t load(uint64_t address, unsigned size) = 0;
    virtual void store(uint64_t address, uint64_t value, unsigned size) = 0;
    // 16 bytes, the low half first.
    virtual std::array<uint64_t, 2> load_wide(uint64_t address) = 0;
    virtual void store_wide(uint64_t address, std::array<uint64_t, 2> value) = 0;
    // An input of the recorder's kind (PandaInput in QEMU's exec/panda-hooks.h), and in `second` another value with it.
    virtual uint64_t input(int kind, unsigned size, uint64_t address, uint64_t& second) = 0;
    // A conditional branch of a block's function, when the Runner was made with `branches`; those of helpers are not told.
    virtual void branch(bool) {}
};

// How a block was left.
enum class Left : uint8_t {
    normally,
    by_exception,
    at_missing,  // it asked for a part of QEMU that is not among the helpers, see Runner::missing()
    stopped,     // the guest could not go on
};

class Runner {
  public:
    // blocks: must outlive this. Reads and links the helpers, which are compiled when they are called. branches: blocks tell
    // Guest::branch(). Throws Error when LLVM cannot compile for this machine.
    Runner(LiftedBlocks& blocks, Level level, bool branches = false);
    ~Runner();
    Runner(const Runner&) = delete;
    Runner& operator=(const Runner&) = delete;

    // The processor's state, QEMU's CPUX86State: bytes by StateLayout's offsets. Zeros at first.
    std::byte* state() { return state_; }
    template <typename T>
    T get(int64_t offset) {
        T value;
        std::memcpy(&value, state() + offset, sizeof(T));
        return value;
    }
    template <typename T>
    void set(int64_t offset, T value) {
        std::memcpy(state() + offset, &value, sizeof(T));
    }
    // rflags, which the state has in several fields, and the mode of a block, BlockView::flags.
    uint64_t flags() const;
    void set_flags(uint64_t flags);
    void set_mode(uint64_t flags);

    // Floating point and vectors.
    trace::FloatingState floating();
    void set_floating(const trace::FloatingState& floating);

    // Compiles these blocks if they are not yet. Takes about a millisecond a block. Throws as LiftedBlocks::lift().
    void compile(std::span<const uint32_t> ids);
    // Runs a block, which has been compiled. guest: what it finds; a member of it may call stop(). Returns how it was left.
    Left run(uint32_t id, Guest& guest);
    // Runs the first instructions of a block, fewer than it has; compiles them when they are run for the first time. Then
    // everything but rip is as before the next instruction.
    Left run_cut(uint32_t id, uint32_t instructions, Guest& guest);
    // Leaves the block that is running; from a member of Guest only, whose frame must have nothing to destroy.
    [[noreturn]] static void stop();
    // What the block asked for that left at_missing.
    const std::string& missing() const;

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
    std::byte* state_;  // of impl_, which never moves it
};

}  // namespace panda::lift
