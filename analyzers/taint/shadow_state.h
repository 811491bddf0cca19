// The shadow of the processor: of every byte of QEMU's CPUX86State, and what is known of their values.
//
// The state is divided into 64 classes, so that one number says where taint is: each global of the trace (a general
// register, the flags' parts, a segment's base) has its own, and the rest shares the others.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "analyzers/taint/byte_taint.h"
#include "trace/tcg/dialect.h"

namespace panda::taint {

// Bits by class.
using Classes = uint64_t;
inline constexpr Classes all_classes = ~Classes{0};

// A piece of the state.
struct StateRange {
    int64_t offset = 0;  // bytes from the state's start
    uint32_t size = 0;
    bool operator==(const StateRange&) const = default;
};

// Where QEMU 10.0's state for x86-64 has the vector registers; nothing in a trace says it. (It is the same for 32-bit
// guests, which the same emulator runs.)
struct VectorLayout {
    static constexpr int64_t x87_register(uint64_t number) { return 624 + 16 * static_cast<int64_t>(number); }
    static constexpr int64_t vector_register(uint64_t number) {
        return 864 + 64 * static_cast<int64_t>(number);
    }
};

class ShadowState {
  public:
    explicit ShadowState(const trace::tcg::Dialect& dialect);

    // What lies outside of these bounds means nothing to the guest (QEMU keeps its own counters below the state).
    static constexpr int64_t size = 16384;
    // Stands for the x87 stack, relative to its top, a byte for each register, and for QEMU's register FT0 and the status
    // word: see x87_calls.cc.
    static constexpr StateRange x87 = {size, 10};
    static constexpr int64_t whole_size = size + 16;
    static bool inside(const StateRange& range) {
        return range.offset >= 0 && range.offset + int64_t{range.size} <= whole_size;
    }

    // The place of a global by QEMU's name; nothing if the trace has no such global.
    std::optional<StateRange> find(const std::string& name) const;
    // The classes of a range; none if it is not inside.
    Classes classes(const StateRange& range) const;

    // Whether the state is laid out as VectorLayout says, as far as the trace's globals tell.
    bool has_vector_layout() const;

    // Where taint is.
    Classes tainted() const { return tainted_; }
    bool any() const { return tainted_ != 0; }
    // False if the global that begins at this offset is certainly clean.
    bool may_be_tainted(int64_t offset) const { return (tainted_ >> class_of(offset) & 1) != 0; }
    // offset: below whole_size. set() keeps a value that was known.
    ByteTaint get(int64_t offset) const { return bytes_[static_cast<size_t>(offset)]; }
    // The bytes from there on.
    const ByteTaint* at(int64_t offset) const { return bytes_.data() + offset; }
    void set(int64_t offset, ByteTaint taint) {
        ByteTaint& byte = bytes_[static_cast<size_t>(offset)];
        if (byte == taint)
            return;
        count(offset, (taint != 0) - (byte != 0));
        byte = taint;
    }
    // Makes everything clean.
    void clear() {
        for (int64_t offset = 0; offset < whole_size; ++offset)
            set(offset, 0);
    }
    // Calls function(offset, taint) for each tainted byte.
    template <typename Function>
    void for_each(const Function& function) const {
        for (int64_t offset = 0; tainted_ != 0 && offset < whole_size; ++offset)
            if (get(offset) != 0)
                function(offset, get(offset));
    }

    // --- Values ---

    // The value of up to 8 bytes, if all of them are known.
    std::optional<uint64_t> value(const StateRange& range) const {
        if (!inside(range) || range.size > 8)
            return std::nullopt;
        if (range.offset % 8 + int64_t{range.size} > 8)
            return value_across(range);
        const Known& known = known_[static_cast<size_t>(range.offset) / 8];
        const auto wanted = static_cast<unsigned>(low_bits(range.size) << range.offset % 8);
        if (known.epoch != epochs_[class_of(range.offset)] || (known.bytes & wanted) != wanted)
            return std::nullopt;
        return known.value >> (range.offset % 8 * 8) & low_bits(8 * range.size);
    }
    void set_value(const StateRange& range, uint64_t value) {
        if (is_word(range))
            known_[static_cast<size_t>(range.offset) / 8] = {value, epochs_[class_of(range.offset)], 0xff};
        else
            set_bytes(range, value);
    }
    void forget_value(const StateRange& range) {
        if (is_word(range))
            known_[static_cast<size_t>(range.offset) / 8].bytes = 0;
        else
            forget_bytes(range);
    }
    // Something has changed these classes, and nobody saw how. Cheap.
    void forget_values(Classes classes) { stale_ |= classes; }
    // Call it before values are asked for or set.
    void settle();

  private:
    // Values of less or more than one aligned word.
    std::optional<uint64_t> value_across(const StateRange& range) const;
    void set_bytes(const StateRange& range, uint64_t value);
    void forget_bytes(const StateRange& range);
    // A whole word, as nearly all are.
    static bool is_word(const StateRange& range) {
        return range.size == 8 && range.offset % 8 == 0 && inside(range);
    }
    size_t class_of(int64_t offset) const { return class_by_word_[static_cast<size_t>(offset) / 8]; }
    void count(int64_t offset, int change) {
        const size_t number = class_of(offset);
        counts_[number] += static_cast<uint32_t>(change);
        const Classes bit = Classes{1} << number;
        tainted_ = counts_[number] == 0 ? tainted_ & ~bit : tainted_ | bit;
    }

    const trace::tcg::Dialect& dialect_;
    std::vector<uint8_t> class_by_word_;  // by offset / 8
    std::vector<ByteTaint> bytes_;
    std::array<uint32_t, 64> counts_{};  // tainted bytes, by class
    Classes tainted_ = 0;

    struct Known {
        uint64_t value = 0;
        uint32_t epoch = 0;  // of the class; what was known in another one is not known any more
        uint8_t bytes = 0;   // which are known
    };
    std::vector<Known> known_;  // by offset / 8
    std::array<uint32_t, 64> epochs_{};
    Classes stale_ = 0;
};

}  // namespace panda::taint
