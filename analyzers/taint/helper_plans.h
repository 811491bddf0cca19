// What is known of QEMU's helpers: which of them move data, from where to where.
//
// A helper has a plan by its name. Those that carry nearly all data of a guest have exact ones; of others it is known
// which parts of the state they read and write, and everything that they read goes into everything that they write. A
// helper without any plan may read and write all of the state (HelperPlan::Kind::unknown), and a warning counts its calls.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/taint/shadow_state.h"
#include "trace/tcg/operations.h"

namespace panda::taint {

struct HelperPlan {
    enum class Kind : uint8_t {
        nothing,   // what it returns and writes is clean, or was before
        mixing,    // arguments, `reads` and memory go into what it returns, `writes` and memory
        flags,     // cc_compute_…: the arguments go into the bits of the flags
        operands,  // a vector instruction: arguments that point into the state, see `shape`
        x87,       // see x87_calls.cc
        interrupt_return,
        save_vectors,     // fxsave
        restore_vectors,  // fxrstor
        unknown,
    };
    // How a vector instruction takes its operands apart. The first pointer is the result, the others are inputs.
    enum class Shape : uint8_t {
        whole,       // each byte depends on all
        lanes,       // each element on the same element of the inputs
        scalar,      // the first element as `lanes`; the rest is a copy of the first input
        unpack_low,  // elements of the inputs' lower halves in turn
        unpack_high,
        pack,  // elements of the inputs, halved, one input behind the other
        shift_bytes_left,
        shift_bytes_right,  // by the number in the second input
        shift_left,         // each element by the number in the second input
        shift_right,
        shift_arithmetic,
        shuffle,        // elements of 4 bytes by an immediate, of one input or of two
        shuffle_pairs,  // elements of 8 bytes, likewise
        shuffle_low,    // elements of 2 bytes in the lower 8 bytes; the rest is a copy
        shuffle_high,
        align,        // 16 bytes out of the inputs behind each other
        aes_round,    // ShiftRows and MixColumns, and the round key
        aes_last,     // ShiftRows, and the round key
        signs,        // returns the highest bit of each element
        first_value,  // returns something of the first element
        to_first,     // an argument goes into the first element; the rest stays
        compare,      // writes the flags, from the first elements
    };

    Kind kind = Kind::unknown;
    Shape shape = Shape::whole;
    uint8_t element = 0;  // bytes, of `shape`
    uint8_t width = 0;    // bytes of an operand
    std::vector<StateRange> reads;
    std::vector<StateRange> writes;
    bool keeps = false;   // what it writes may also stay as it was
    bool memory = false;  // it loads and stores guest memory
    // All that it may read or write, except for operands; of all states for an unknown one.
    Classes read_classes = 0;
    Classes write_classes = 0;
};

class HelperPlans {
  public:
    explicit HelperPlans(const ShadowState& state);
    // The plan of a call; the same object for the same name.
    const HelperPlan& find(const trace::tcg::Call& call);

  private:
    void add(std::string_view names, HelperPlan::Kind kind, std::string_view reads, std::string_view writes);
    std::vector<StateRange> ranges(std::string_view words) const;
    HelperPlan make(const trace::tcg::Call& call) const;

    const ShadowState& state_;
    std::map<std::string, HelperPlan, std::less<>> known_;
    std::map<std::string, HelperPlan, std::less<>> found_;  // by name, as find() has returned them
};

}  // namespace panda::taint
