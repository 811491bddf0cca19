// The code of a trace's blocks as the engine needs it: typed operations, and what they touch of the processor's state.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "analyzers/taint/helper_plans.h"
#include "trace/coding/block_table.h"
#include "trace/tcg/operations.h"

namespace panda::taint {

// What a block may touch of the processor's state.
struct BlockClasses {
    Classes touched = 0;  // read or written
    Classes written = 0;
    bool known = false;
};

struct BlockCode {
    static constexpr uint32_t none = ~uint32_t{0};

    trace::tcg::BlockOperations code;
    std::vector<uint32_t> label_places;  // by label: the operation that sets it
    std::vector<uint32_t> starts;        // by instruction: its first operation; and one more for the end
    // By operation: the number among the block's loads and stores (BlockView::operations without those of size 0).
    std::vector<uint32_t> memory_numbers;
    std::vector<const HelperPlan*> plans;  // by call
};

class BlockCodes {
  public:
    // path: of the trace, for errors. All must outlive this; blocks may grow.
    BlockCodes(const trace::tcg::Dialect& dialect, const trace::BlockTable& blocks, const ShadowState& state,
               const std::string& path);

    // What a block touches. The first call for a block reads its operations, which takes some microseconds. Throws
    // FileError when they are damaged, or do not fit the block's loads and stores.
    const BlockClasses& classes(uint32_t id) {
        if (id < classes_.size() && classes_[id].known) [[likely]]
            return classes_[id];
        return find_classes(id);
    }
    // The block itself; kept from then on.
    const BlockCode& code(uint32_t id);

  private:
    const BlockClasses& find_classes(uint32_t id);
    BlockCode read(uint32_t id);

    const trace::tcg::Dialect& dialect_;
    const trace::BlockTable& blocks_;
    const ShadowState& state_;
    const std::string& path_;
    HelperPlans plans_;
    std::vector<BlockClasses> classes_;
    std::vector<std::unique_ptr<BlockCode>> codes_;
};

// The pointers into the state that a block makes: for each temporary the offset, if it is one.
class StatePointers {
  public:
    explicit StatePointers(const trace::tcg::BlockOperations& code)
        : code_(code), offsets_(code.temporaries.size()) {}
    // Notes what an operation makes.
    void take(const trace::tcg::Operation& operation);
    // Where a temporary points to, plus `more`; nothing if it is not a pointer into the state.
    std::optional<int64_t> offset(uint16_t temporary, int64_t more = 0) const;

  private:
    const trace::tcg::BlockOperations& code_;
    std::vector<std::optional<int64_t>> offsets_;
};

// The bytes of a vector operation that a call of gvec_… works on, from its descriptor (QEMU's tcg-gvec-desc.h).
uint32_t gvec_width(int64_t descriptor);

}  // namespace panda::taint
