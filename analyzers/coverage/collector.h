// Collects which blocks were executed, how often, and in which order, for each address space or thread.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "analyzers/coverage/selection.h"
#include "trace/reading/chunk.h"

namespace panda::coverage {

// Whose code runs: an address space, or a thread of a process.
struct Space {
    uint64_t asid = 0;  // of an address space alone
    int64_t pid = -1;   // -1: not known
    int64_t tid = -1;
    std::string name = {};  // of the process

    auto operator<=>(const Space&) const = default;
};

struct Count {
    uint64_t executions = 0;
    uint64_t first_instr = 0;  // of the first one
};

// Counts by block id. A program runs few of all blocks, and those were mostly defined one after another, so the table
// has only the pages that are needed.
class BlockCounts {
  public:
    Count& operator[](uint32_t id) {
        const uint32_t page = id / page_size;
        if (page >= pages_.size()) [[unlikely]]
            pages_.resize(page + 1);
        if (!pages_[page]) [[unlikely]]
            pages_[page] = std::make_unique<Page>();
        return (*pages_[page])[id % page_size];
    }
    // Calls use(id, const Count&) for each block that was executed, by ascending id.
    template <typename Use>
    void for_each(const Use& use) const {
        for (size_t page = 0; page < pages_.size(); ++page)
            for (uint32_t i = 0; pages_[page] && i < page_size; ++i)
                if ((*pages_[page])[i].executions != 0)
                    use(static_cast<uint32_t>(page * page_size + i), (*pages_[page])[i]);
    }

  private:
    static constexpr uint32_t page_size = 256;
    using Page = std::array<Count, page_size>;
    std::vector<std::unique_ptr<Page>> pages_;
};

// What ran in one space.
struct SpaceCounts {
    BlockCounts blocks;
    // Executions that did not come to the end of their block: by id << 32 | instructions executed.
    std::unordered_map<uint64_t, uint64_t> cuts;
    // By from << 32 | to, block ids.
    std::unordered_map<uint64_t, Count> edges;
    // The block that ran last, in the kernel and in user mode; no_block if an edge cannot start from it.
    std::array<uint32_t, 2> last = {no_block, no_block};

    static constexpr uint32_t no_block = ~uint32_t{0};
};

// Is told of each execution, for those who want all of them and not only counts.
class RecordSink {
  public:
    virtual ~RecordSink() = default;
    virtual void on_block(const Space&, const trace::BlockView&, uint64_t /*instr*/) {}
    virtual void on_edge(const Space&, const trace::BlockView& /*from*/, const trace::BlockView& /*to*/,
                         uint64_t /*instr*/) {}
};

struct CollectOptions {
    Selection selection = {};
    bool edges = false;          // also count which block ran after which
    RecordSink* sink = nullptr;  // then the pass must have one thread
};

// The way from one block to the next is an edge when both run at the same privilege in the same space. What the kernel
// does meanwhile does not come between two blocks of a program; in the kernel, an interrupt, an exception or a system
// call begins anew, and so does what an interrupt's end returns to.
class Collector {
  public:
    // blocks: of the trace, may grow. Both must outlive this.
    Collector(const trace::BlockTable& blocks, const CollectOptions& options)
        : blocks_(&blocks), options_(&options) {}

    // The code that comes next is that of this space.
    void enter(const Space& space);
    // Nothing is known of what ran before.
    void leave() { current_ = nullptr; }
    bool inside() const { return current_ != nullptr; }

    // Counts an execution. Returns whether it is the block's first one in this space.
    bool add(const trace::BlockExecution& block) {
        if (block.id >= kinds_.size()) [[unlikely]]
            grow();
        const uint8_t kind = kinds_[block.id];
        if (current_ == nullptr)
            return false;
        if ((kind & declined) != 0) {
            current_->last[kind & user] = SpaceCounts::no_block;
            return false;
        }
        Count& count = current_->blocks[block.id];
        const bool first = count.executions++ == 0;
        if (first)
            count.first_instr = block.instr;
        if (block.executed != blocks_->instruction_count(block.id)) [[unlikely]]
            ++current_->cuts[uint64_t{block.id} << 32 | block.executed];
        if (options_->edges || options_->sink != nullptr)
            add_more(block, kind);
        return first;
    }
    // The kernel is entered, or something else came between two of its blocks.
    void end_kernel_chain() {
        if (current_ != nullptr)
            current_->last[0] = SpaceCounts::no_block;
    }
    // Takes the counts of a pass's next shard.
    void append(Collector&& next);

    const std::map<Space, SpaceCounts>& spaces() const { return spaces_; }
    const trace::BlockTable& blocks() const { return *blocks_; }

  private:
    // Bits of a block's kind.
    static constexpr uint8_t user = 1;
    static constexpr uint8_t declined = 2;
    static constexpr uint8_t interrupt_return = 4;

    void grow();
    void add_more(const trace::BlockExecution& block, uint8_t kind);

    const trace::BlockTable* blocks_;
    const CollectOptions* options_;
    std::vector<uint8_t> kinds_;  // by block id
    std::map<Space, SpaceCounts> spaces_;
    const Space* space_ = nullptr;  // of current_
    SpaceCounts* current_ = nullptr;
};

}  // namespace panda::coverage
