// The interpreter of one execution. Internal to the engine.
//
// It goes through a block's operations with a shadow and, where it is known, a value for each temporary. Branches within
// a block follow the values. Where these do not tell, the accesses do: a load that ran proves that control came to it,
// and one that did not that control went elsewhere. What remains open is run *weakly* up to where the ways meet: what is
// written may also stay as it was.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "analyzers/taint/engine.h"

namespace panda::taint {

class BlockRun {
  public:
    explicit BlockRun(Engine& engine);

    void run(const Piece& piece);

  private:
    static constexpr unsigned widest = 32;  // bytes of a vector
    using Content = BlockCode::Content;
    using Operation = trace::tcg::Operation;

    // --- The way through the block (block_run.cc) ---
    void begin();
    void deliver(const Piece& piece);
    void match_accesses(const Piece& piece);
    void go(uint32_t first, uint32_t last);
    // Each returns the operation with which to go on.
    uint32_t control(uint32_t at);
    uint32_t branch(uint32_t at, bool known, bool taken);
    uint32_t leave(uint32_t at);
    uint32_t next_label(uint32_t at) const;
    enum class Evidence : uint8_t { none, ran, not_run };
    Evidence evidence(uint32_t first, uint32_t last) const;
    bool leads_to(size_t label, uint32_t at) const;
    void weaken();
    void execute(uint32_t at);
    void start_instruction(const Operation& operation);
    void end_instruction();
    void check_target();

    // --- Temporaries ---
    unsigned size_of(uint16_t temporary) const { return code_->slots[temporary].whole_size; }
    // Its value, and whether it is tainted, which is often all that one needs.
    Content look(uint16_t temporary) const {
        const BlockCode::Slot& slot = code_->slots[temporary];
        if (slot.global)
            return look_at_state(slot);
        Content content = contents_[temporary];
        if (slot.size < 8)
            content.value &= low_bits(8 * unsigned{slot.size});
        return content;
    }
    Content look_at_state(const BlockCode::Slot& slot) const;
    Operand get(uint16_t temporary) const;
    Operand input(const Operation& operation, unsigned number) const {
        return get(code_->code.inputs(operation)[number]);
    }
    void set(uint16_t temporary, const Bits& bits, std::optional<uint64_t> value);
    // The same without taint.
    void set_clean(uint16_t temporary, std::optional<uint64_t> value);
    void output(const Operation& operation, unsigned number, const Bits& bits,
                std::optional<uint64_t> value) {
        set(code_->code.outputs(operation)[number], bits, value);
    }
    // All bytes, of a vector too.
    std::array<ByteTaint, widest> bytes(uint16_t temporary) const;
    void set_bytes(uint16_t temporary, const std::array<ByteTaint, widest>& taint);
    Tag tag_of_inputs(const Operation& operation) const;
    bool is_tainted(uint16_t temporary) const;

    // --- The state and memory ---
    void set_state(int64_t offset, ByteTaint taint);
    void set_state_value(const StateRange& range, bool known, uint64_t value);
    Tag tag_of_state(const StateRange& range) const;
    void set_memory(uint64_t flat, ByteTaint taint);
    ByteTaint united(ByteTaint a, ByteTaint b);
    std::optional<uint64_t> loaded_value(const Reach& reach, unsigned bytes) const;
    void touch(Tag tag, bool changes);

    // --- Operations (scalar_operations.cc, vector_operations.cc, memory_operations.cc, helper_calls.cc) ---
    void scalar(const Operation& operation);
    void plain(const Operation& operation);
    template <size_t inputs>
    Bits tainted_bits(const Operation& operation, unsigned size);
    Bits scalar_bits(const Operation& operation, std::span<const Operand> in, unsigned size);
    bool double_width(const Operation& operation);
    void vector(const Operation& operation);
    void vector_lanes(const Operation& operation);
    void state_access(const Operation& operation);
    void guest_access(const Operation& operation, uint32_t number);
    bool leads_to_clean(const Reach& reach) const;
    void guest_load(const Operation& operation, const Reach& reach);
    void guest_store(const Operation& operation, const Reach& reach);
    Tag pointer_tag(const Operation& operation, const Reach& reach);
    bool call(const Operation& operation);
    void mixing_call(const Operation& operation, const HelperPlan& plan);
    void unknown_call(const Operation& operation);
    void operands_call(const Operation& operation, const HelperPlan& plan);
    using Bytes64 = std::array<ByteTaint, 64>;
    Bytes64 operand_bytes(int64_t offset, unsigned width) const;
    Bytes64 shaped(const Operation& operation, const HelperPlan& plan, std::span<const Bytes64> in,
                   unsigned width);
    Bytes64 element_shifts(const Operation& operation, const HelperPlan& plan, std::span<const Bytes64> in,
                           unsigned width);
    Tag tag_of(std::span<const ByteTaint> bytes) const;
    void x87_call(const Operation& operation);
    void interrupt_return();
    uint64_t vector_area(const Operation& operation) const;
    static std::optional<int64_t> vector_place(uint64_t at);
    void save_vectors(const Operation& operation);
    void restore_vectors(const Operation& operation);
    void return_tag(const Operation& operation, Tag tag);
    std::span<const Reach> helper_reaches() const;
    // `tag` with the labels of what a helper loaded; and the same taint for each byte that it stored.
    Tag with_loads(Tag tag, std::span<const Reach> reaches) const;
    void set_stores(std::span<const Reach> reaches, ByteTaint byte);

    Engine& engine_;
    Rules& rules_;
    ShadowState& state_;
    const BlockCode* code_ = nullptr;
    const Piece* piece_ = nullptr;
    // By temporary; the taints mean something only where the contents say so.
    std::vector<Content> contents_;
    std::vector<std::array<ByteTaint, widest>> taints_;
    StatePointers pointers_;
    std::vector<const Reach*> matched_;  // by the number of the load or store; null: it did not run
    std::vector<const Reach*> own_;      // accesses of the piece's own loads and stores
    std::optional<StateRange> target_;   // the program counter
    std::vector<Reach> helpers_;         // accesses of helpers
    bool weak_ = false;
    uint32_t weak_until_ = 0;  // the operation at which all ways meet again
    bool stopped_ = false;     // the execution ends here
    uint32_t partial_ = 0;     // the instruction that was cut short; or one that does not exist
    uint16_t instruction_ = 0;
    Tag touched_ = clean;  // by the instruction so far
    bool changes_ = false;
    struct Stored {
        uint64_t flat;
        std::byte value;
    };
    std::vector<Stored> stored_;  // by this piece so far, because memory does not have it yet
};

}  // namespace panda::taint
