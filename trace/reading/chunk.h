// A chunk of a trace and the way through it. A chunk can be opened alone: with one block table, any number of
// threads can each go through chunks of their own.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "trace/access.h"
#include "trace/coding/block_codec.h"
#include "trace/coding/block_table.h"
#include "trace/coding/cut_codec.h"
#include "trace/coding/event_codec.h"
#include "trace/coding/memory_decoder.h"
#include "trace/cpu_state.h"
#include "trace/event.h"
#include "trace/written_pages.h"

namespace panda::trace {

class MessageView;
struct ChunkData;

// What is known of a chunk without decoding it.
struct ChunkSummary {
    uint64_t first_instr = 0;
    uint64_t instr_count = 0;  // gaps included
    uint32_t block_count = 0;  // executions, partial ones included
    uint32_t event_count = 0;
    uint32_t definition_count = 0;               // only blocks below this id occur
    std::vector<uint64_t> address_spaces;        // values of CR3: the one at the start first; each once
    bool address_spaces_complete = true;         // false: there were more
    std::vector<uint32_t> first_memory_maps;     // by physical address space: 1 + number of the map, 0 = none
    MemoryColumns memory = MemoryColumns::none;  // what its columns hold of memory
    bool registers = false;                      // for the start of each execution: see RegisterCursor
    std::optional<CpuState> cpu;                 // the processor at the start, if known
};

// A column's size, for statistics.
struct ColumnSize {
    std::string name;
    uint64_t records = 0;
    uint64_t raw_bytes = 0;     // before compression
    uint64_t stored_bytes = 0;  // in the file
};

// A chunk, not decoded. Cheap to copy. It keeps the bytes alive that it needs, also after the reader has
// gone, unless the reader was given bytes in memory.
class Chunk {
  public:
    // For the reader: view is a message that holds a chunk. Throws FileError.
    Chunk(const MessageView& view, const std::string& path);

    const ChunkSummary& summary() const;
    // The columns that it has, in the order of the file.
    std::vector<ColumnSize> columns() const;
    // Calls take() for each event, in order, without decoding the blocks; so where an event is remains unknown. Throws
    // FileError when the events are damaged.
    void for_each_event(const std::function<void(const EventDetail&)>& take) const;
    // The number of events by kind (event_kind()), without decoding the blocks. Throws FileError when the
    // events are damaged.
    std::map<uint32_t, uint64_t> count_events() const;
    // Which virtual pages are known at the start, and the frames that they lead to, by ascending page; empty
    // without memory columns. Throws FileError when the column is damaged.
    std::vector<Translation> translations() const;
    // The translations that change in the chunk, in the order in which they do; empty without memory columns. A page that
    // is neither in these nor in translations() is not accessed. Throws FileError when the column is damaged.
    std::vector<Translation> fills() const;
    // The pages of guest memory that the chunk stores to; nothing without memory columns. This decompresses a
    // small part of the chunk. Throws FileError when that is damaged.
    std::optional<WrittenPages> pages_written() const;
    uint64_t file_bytes() const;  // size of the whole message

  private:
    friend class ChunkCursor;
    friend class RegisterCursor;
    std::shared_ptr<const ChunkData> data_;
};

// One execution of a block.
struct BlockExecution {
    uint32_t id = 0;
    uint32_t executed = 0;  // instructions; fewer than the block has if it was cut
    uint64_t instr = 0;     // that of its first instruction
};

// Which columns a cursor decodes.
enum class CursorColumns : uint8_t {
    blocks,     // and events
    addresses,  // and memory accesses, of which stores have value 0: this takes half the time
    memory,     // and memory accesses, with the values of stores where the trace has them
};

// Goes through a chunk's block executions and events in order. This takes about 3 ns for each execution, and
// 5 ns for each memory access. Reuse a cursor for further chunks: it keeps tables with 12 bytes for each
// block definition, and with memory 64 bytes more, 70 bytes for each memory operation, and 0.7 MB.
class ChunkCursor {
  public:
    enum class Step : uint8_t { block, event, end };

    // blocks: must outlive the cursor, and have the definitions of every chunk that the cursor goes through.
    explicit ChunkCursor(const BlockTable& blocks);
    ChunkCursor(const ChunkCursor&) = delete;
    ChunkCursor& operator=(const ChunkCursor&) = delete;

    // Starts a chunk. Throws FileError when a column is damaged, or when memory is asked for and the trace
    // was made without.
    void start(const Chunk& chunk, CursorColumns columns = CursorColumns::blocks);
    // Goes on to the next thing that happened, and says what it is. Throws FileError when the chunk
    // contradicts itself.
    Step next() {
        if (position_ == stop_)
            return slow_next();
        take_block(blocks_.instruction_count(batch_[batch_position_]));
        if (with_memory_)
            take_accesses();
        return Step::block;
    }
    // Does many calls of next() and block() at once, without memory: goes past the executions that come next,
    // as long as they are whole and no events are between them, and calls on_block(const BlockExecution&) for
    // each, until on_block returns true. Returns whether it did. Everything else is left to next().
    template <typename OnBlock>
    bool next_whole_blocks(const OnBlock& on_block) {
        return pass_by(stop_ - position_,
                       [&](const BlockExecution& block, uint32_t) { return on_block(block); });
    }
    // The same with memory, in two steps. next_group() decodes executions that come next, and returns those
    // that were decoded together; none (count 0) if something else comes next.
    struct NextGroup {
        AccessGroup accesses;
        uint32_t first;       // number in the group of the execution that comes next
        uint32_t count;       // executions from there on
        bool numbers_stores;  // see AccessGroup::stores_before
    };
    NextGroup next_group() {
        if (position_ != stop_ && group_position_ == group_end_)
            decode_group(batch_position_);
        return {memory_->group(), group_position_, position_ == stop_ ? 0 : group_end_ - group_position_,
                memory_->numbers_stores()};
    }
    // take_group() goes past these, and calls on_block(const BlockExecution&, std::span<const Access>) for
    // each, until on_block returns true. Returns whether it did.
    template <typename OnBlock>
    bool take_group(const NextGroup& group, const OnBlock& on_block) {
        const uint32_t begin = position_;
        const bool done = pass_by(group.count, [&](const BlockExecution& block, uint32_t number) {
            return on_block(block, group.accesses[group.first + number]);
        });
        group_position_ += position_ - begin;
        return done;
    }
    // Instructions executed up to here.
    uint64_t instr() const { return instr_; }
    // The execution, after Step::block.
    const BlockExecution& block() const { return block_; }
    // What the execution did to memory, after Step::block with CursorColumns::addresses or memory; in order of time,
    // starting with what happened right before it. Valid until the next call of next() or start().
    std::span<const Access> accesses() const { return memory_->group()[group_position_ - 1]; }
    // The event, after Step::event.
    const Event& event() const { return event_; }

  private:
    void take_block(uint32_t executed) {
        block_ = {batch_[batch_position_++], executed, instr_};
        instr_ += executed;
        ++position_;
    }
    // Goes past the next `count` executions, which must be whole and in the batch. on_block also gets the
    // number of the execution among them.
    template <typename OnBlock>
    bool pass_by(uint32_t count, const OnBlock& on_block) {
        const uint16_t* counts = blocks_.instruction_counts().data();
        const uint32_t* ids = batch_.data() + batch_position_;
        uint32_t at = 0;
        uint64_t instr = instr_;
        bool done = false;
        while (at != count && !done) {
            const BlockExecution block{ids[at], counts[ids[at]], instr};
            instr += block.executed;
            done = on_block(block, at);
            ++at;
        }
        position_ += at;
        batch_position_ += at;
        instr_ = instr;
        return done;
    }
    // Makes accesses() those of the execution that was taken.
    void take_accesses() {
        if (group_position_ == group_end_)
            decode_group(batch_position_ - 1);
        ++group_position_;
    }
    void decode_group(uint32_t first);
    void start_memory(bool with_values);
    Step slow_next();
    Step next_at_stop();
    Step take_event();
    void set_stop();

    static constexpr uint32_t batch_size = 4096;

    const BlockTable& blocks_;
    std::shared_ptr<const ChunkData> chunk_;
    Bytes block_column_;
    Bytes event_column_;
    BlockDecoder decoder_;
    std::optional<EventDecoder> events_;
    std::vector<Cut> cuts_;
    size_t next_cut_ = 0;

    std::array<uint32_t, batch_size> batch_;
    uint32_t batch_position_ = 0;
    uint32_t batch_end_ = 0;
    uint32_t position_ = 0;  // executions of the chunk that are over
    uint32_t stop_ = 0;      // up to here there are only whole blocks of the batch
    uint64_t instr_ = 0;
    BlockExecution block_;
    Event event_;
    bool with_memory_ = false;
    std::unique_ptr<MemoryDecoder> memory_;  // null until memory is asked for
    // Executions that memory_ has decoded together, none of them beyond stop_: the number of the one that
    // comes next, and how many there are.
    uint32_t group_position_ = 0;
    uint32_t group_end_ = 0;
};

}  // namespace panda::trace
