// The code of a trace's blocks as the engine needs it: typed operations, and what they touch of the processor's state.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
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

    // --- The same once more, as the interpreter asks for it with each operation ---

    // Where a temporary is.
    struct Slot {
        int32_t offset = outside;  // in the state; of a global
        uint8_t size = 0;          // bytes, at most 8
        uint8_t whole_size = 0;    // bytes, of a vector too
        bool global = false;

        static constexpr int32_t outside = -1;  // of a global that has no shadow
    };
    std::vector<Slot> slots;  // by temporary
    // What a temporary has where the block begins: constants have a value, all others have none.
    struct Content {
        uint64_t value = 0;
        bool known = false;
        bool tainted = false;
    };
    std::vector<Content> contents;
    // By operation. plain: computes one value of at most 8 bytes from at most 4 others, and does nothing else.
    // makes_pointer: StatePointers has to know of it.
    struct Traits {
        bool plain = false;
        bool makes_pointer = false;
    };
    std::vector<Traits> traits;
    bool makes_pointers = false;  // any of them
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
    StatePointers() = default;
    explicit StatePointers(const trace::tcg::BlockOperations& code) { start(code, true); }
    // Begins a block. makes_pointers: whether take() will be called at all.
    void start(const trace::tcg::BlockOperations& code, bool makes_pointers) {
        code_ = &code;
        if (used_)
            std::ranges::fill(offsets_, std::nullopt);
        if (offsets_.size() < code.temporaries.size())
            offsets_.resize(code.temporaries.size());
        used_ = makes_pointers;
    }
    // Notes what an operation makes.
    void take(const trace::tcg::Operation& operation);
    // Where a temporary points to, plus `more`; nothing if it is not a pointer into the state.
    std::optional<int64_t> offset(uint16_t temporary, int64_t more = 0) const;

  private:
    const trace::tcg::BlockOperations* code_ = nullptr;
    std::vector<std::optional<int64_t>> offsets_;  // all empty unless used_
    bool used_ = false;
};

// The bytes of a vector operation that a call of gvec_… works on, from its descriptor (QEMU's tcg-gvec-desc.h).
uint32_t gvec_width(int64_t descriptor);

}  // namespace panda::taint
