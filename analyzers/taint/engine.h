// Takes taint through executions of blocks: the shadow of the processor and of memory follow what the trace says ran.
//
// An execution that touches nothing tainted costs a look at its block's classes and at the pages that it accesses
// (is_clean()). Any other one is interpreted, operation by operation (run()), with the values that are known: constants,
// what is loaded from memory and stored to it, addresses, and whatever follows from these.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "analyzers/taint/block_code.h"
#include "analyzers/taint/rules.h"
#include "analyzers/taint/shadow_memory.h"
#include "analyzers/taint/shadow_state.h"
#include "trace/access.h"

namespace panda::taint {

// Which labels of an address a value gets that is loaded from it or stored to it.
enum class PointerPolicy : uint8_t { off, loads, all };

struct EngineOptions {
    PointerPolicy pointers = PointerPolicy::off;
    // Whether the result of a conditional move has the labels of its condition.
    bool selectors = true;
};

// An instruction of an execution.
struct TaintPlace {
    uint64_t instr = 0;
    uint32_t block = 0;
    uint16_t instruction = 0;  // of the block
};

// Who wants to know what taint does. Tags are valid during the call; `Tags` has their labels.
class TaintListener {
  public:
    virtual ~TaintListener() = default;
    // A conditional branch depends on these.
    virtual void on_branch(const TaintPlace&, Tag) {}
    // The processor goes to an address that has these: a jump, call or return.
    virtual void on_jump(const TaintPlace&, Tag) {}
    // The address of a load or store has these.
    virtual void on_pointer(const TaintPlace&, const trace::Access&, Tag) {}
    // The instruction reads something tainted. changes: it computes, and does not only copy.
    virtual void on_instruction(const TaintPlace&, Tag, bool /*changes*/) {}
    // Whether on_instruction() does anything: to unite what each instruction reads takes a good part of the time.
    virtual bool wants_instructions() const { return true; }
};

// A load or store, and where it leads.
struct Reach {
    static constexpr uint64_t nowhere = ~uint64_t{0};  // a device, ROM or nothing: it has no shadow

    const trace::Access* access = nullptr;
    uint64_t flat = nowhere;         // of the first byte
    uint32_t first_bytes = 0;        // that lie behind each other from there on
    uint64_t second_flat = nowhere;  // of the others, behind the end of the page

    uint64_t place(uint32_t byte) const {
        if (byte < first_bytes)
            return flat == nowhere ? nowhere : flat + byte;
        return second_flat == nowhere ? nowhere : second_flat + (byte - first_bytes);
    }
};

// What of an execution is to be run: instructions [from, to). If the instruction `to` was begun and cut short, what of
// it ran is told by the accesses, and is run too.
struct Piece {
    uint32_t block = 0;
    uint64_t instr = 0;  // of the block's first instruction
    uint32_t from = 0;
    uint32_t to = 0;
    bool begun = false;
    bool first = true;  // the first piece of its execution that is run
    std::span<const Reach> reaches =
        {};  // loads and stores of these instructions, of the code and of helpers
    std::span<const Reach> deliveries =
        {};  // what stands before the block: how an interrupt or exception was delivered
};

class Engine {
  public:
    // memory: of the guest, all of it, as it is before each piece. All must outlive this.
    Engine(const trace::tcg::Dialect& dialect, const trace::BlockTable& blocks, const std::string& path,
           std::span<const std::byte> memory, const EngineOptions& options, const SetLimits& limits = {});
    ~Engine();

    Tags& tags() { return tags_; }
    const Tags& tags() const { return tags_; }
    ShadowMemory& memory() { return memory_; }
    const ShadowMemory& memory() const { return memory_; }
    ShadowState& state() { return state_; }
    const ShadowState& state() const { return state_; }
    // May be null.
    void set_listener(TaintListener* listener) {
        listener_ = listener;
        // With a limit of labels, what instructions read counts among the sets that became too large.
        follows_instructions_ = limited_ || (listener != nullptr && listener->wants_instructions());
    }

    // Whether anything is tainted at all.
    bool any() const { return memory_.any() || state_.any(); }
    // Whether a block touches no tainted part of the processor. Its accesses have to be looked at too.
    bool is_clean(uint32_t block) { return (codes_.classes(block).touched & state_.tainted()) == 0; }
    // A block that touches nothing tainted was executed.
    void pass_by(uint32_t block) { state_.forget_values(codes_.classes(block).written); }
    // The same while nothing is tainted, for any number of blocks, or after an event that changes registers.
    void forget_values() { state_.forget_values(all_classes); }
    // Runs a piece of an execution. Pieces of one execution follow one another. Throws FileError when the block's
    // operations are damaged, Error when there are too many sets of labels.
    void run(const Piece& piece);
    // Frees sets of labels that nothing has any more, if there are many. roots: calls its argument with each tag that
    // somebody else keeps.
    template <typename Roots>
    void tidy(const Roots& roots) {
        if (!tags_.crowded())
            return;
        roots([this](Tag tag) { tags_.mark(tag); });
        mark_and_sweep();
    }

    // Helpers without a plan that were called with something tainted within their reach, and how often.
    const std::map<std::string, uint64_t>& unknown_helpers() const { return unknown_helpers_; }
    // Operations that the engine does not know and that had tainted inputs.
    const std::map<std::string, uint64_t>& unknown_operations() const { return unknown_operations_; }

  private:
    friend class BlockRun;
    void mark_and_sweep();

    const trace::tcg::Dialect& dialect_;
    const trace::BlockTable& blocks_;
    std::span<const std::byte> guest_;
    EngineOptions options_;
    Tags tags_;
    Rules rules_;
    ShadowState state_;
    ShadowMemory memory_;
    BlockCodes codes_;
    TaintListener* listener_ = nullptr;
    bool limited_ = false;  // the labels of a set
    bool follows_instructions_ = false;
    std::unique_ptr<class BlockRun> run_;
    std::map<std::string, uint64_t> unknown_helpers_;
    std::map<std::string, uint64_t> unknown_operations_;
};

}  // namespace panda::taint
