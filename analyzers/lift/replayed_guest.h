// The guest of one execution, as the trace has it: each access must be the next one that the trace tells. Internal to the
// check.
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "analyzers/lift/runner.h"
#include "trace/access.h"
#include "trace/memory/address_space.h"

namespace panda::lift {

// Somebody who watches what executions do.
class GuestObserver {
  public:
    virtual ~GuestObserver() = default;
    // An access, which is the one that the trace has.
    virtual void access(const trace::Access&) {}
    // A conditional branch of the block's function, and whether the condition is true. Only from a Runner that tells branches.
    virtual void branch(bool) {}
};

class ReplayedGuest final : public Guest {
  public:
    // Why an execution could not be compared to its end; none: it was.
    enum class Stop : uint8_t { none, mismatch, input, ended };

    // What an instruction asks for, or a device's memory gives.
    struct Input {
        uint64_t value, second;
    };

    // A byte that it stored.
    struct Written {
        uint64_t address;
        std::byte value;
    };

    // Whom to tell; null: nobody. Must outlive this.
    void set_observer(GuestObserver* observer) { observer_ = observer; }

    // Starts an execution. delivered: what the processor did before it to deliver an interrupt. memory: before that. accesses:
    // what the trace says it does. inputs: what it asks for, in order; when there are too few, it stops with Stop::input. All
    // must be valid until it ends.
    void start(const trace::AddressSpace& memory, std::span<const trace::Access> delivered,
               std::span<const trace::Access> accesses, std::span<const Input> inputs);
    // Starts the same execution once more. memory: where it stopped the last time.
    void start_again(const trace::AddressSpace& memory, std::span<const trace::Access> accesses,
                     std::span<const Input> inputs);

    uint64_t load(uint64_t address, unsigned size) override;
    void store(uint64_t address, uint64_t value, unsigned size) override;
    std::array<uint64_t, 2> load_wide(uint64_t address) override;
    void store_wide(uint64_t address, std::array<uint64_t, 2> value) override;
    uint64_t input(int kind, unsigned size, uint64_t address, uint64_t& second) override;

    void branch(bool taken) override {
        if (observer_ != nullptr)
            observer_->branch(taken);
    }

    Stop stop() const { return stop_; }
    bool took_inputs() const { return inputs_taken_ != 0; }
    // What differs, for Stop::mismatch.
    const char* difference() const { return difference_; }
    // Whether the trace has no further access.
    bool at_end();
    // What the execution stored, in order. Valid until the next one starts.
    std::span<const Written> written() const { return std::span(written_).subspan(delivered_); }

  private:
    const trace::Access& next(uint64_t address, unsigned size, bool store);
    [[noreturn]] void give_up(Stop stop);
    std::array<uint64_t, 2> read(uint64_t address, unsigned size);
    const Input& next_input();
    void write(uint64_t address, std::span<const std::byte> bytes);

    GuestObserver* observer_ = nullptr;
    const trace::AddressSpace* memory_ = nullptr;
    std::span<const trace::Access> accesses_;
    size_t at_ = 0;
    std::vector<Written> written_;                 // by the delivery and this execution, in order
    size_t delivered_ = 0;                         // bytes of these, by the delivery
    std::vector<std::array<uint64_t, 2>> loaded_;  // by it, in order; also before it started again
    size_t loads_ = 0;
    std::span<const Input> inputs_;
    size_t inputs_taken_ = 0;
    Stop stop_ = Stop::none;
    char difference_[160] = "";  // an array, because what is left by longjmp must not own memory
};

}  // namespace panda::lift
