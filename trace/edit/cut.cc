#include "trace/edit/cut.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "trace/edit/execution_words.h"
#include "trace/limits.h"
#include "trace/memory/flat_memory.h"
#include "trace/pass/pass_state.h"
#include "trace/reading/chunk_walk.h"
#include "trace/writing/writer.h"

namespace panda::trace {
namespace {

WriterOptions writer_options(const CutOptions& options, MemoryColumns memory, bool registers) {
    WriterOptions wanted;
    wanted.if_exists = options.if_exists;
    wanted.memory = memory;
    wanted.registers = registers;
    wanted.compression_level = options.compression_level;
    wanted.chunk_blocks = max_chunk_blocks;  // so that chunks stay as they are
    return wanted;
}

// A visitor of ChunkWalk that keeps the machine current, and from the start of the range on writes everything
// that it gets. An execution is written when the next thing happens, because events in the middle of it must
// be written first.
class Cutter {
  public:
    Cutter(TraceReader& reader, uint64_t from, uint64_t to, const std::string& output,
           const CutOptions& options)
        : reader_(reader),
          from_(from),
          to_(to),
          output_(output),
          options_(options),
          state_(reader.header(), reader.blocks(), reader.memory_maps(), PassNeeds::memory),
          walk_(reader.blocks()) {}

    // Continues from the memory of a snapshot if memory is not known, and writes the snapshot if the range
    // has started.
    void take_snapshot(size_t number) {
        const Snapshot snapshot = reader_.snapshot(number);
        const bool known = state_.memory_known();
        if (!known || writer_) {
            const GuestMemory memory = reader_.memory_at(number);
            if (!known && follows_)
                state_.restore(memory, snapshot.cpu);
            if (writer_)
                write_snapshot(snapshot.cpu, known ? nullptr : &memory);
        }
    }

    void take(const Chunk& chunk) {
        memory_ = chunk.summary().memory;
        with_registers_ = chunk.summary().registers;
        if (with_registers_)
            registers_.start(chunk);
        state_.start(chunk);
        known_.clear();
        for (const Translation& translation : chunk.translations())
            known_[translation.page] = translation;
        for (const uint32_t number : chunk.summary().first_memory_maps)
            if (number != 0)
                set_map(number - 1);
        if (writer_)
            writer_->begin_chunk({chunk.summary().cpu, chunk.translations()});
        if (memory_ == MemoryColumns::none)
            walk_.go<CursorColumns::blocks>(chunk, *this);
        else
            walk_.go<CursorColumns::memory>(chunk, *this);
        flush();
        if (options_.progress && writer_)
            options_.progress(writer_->instr() - result_.first_instr);
    }
    // follows: whether to follow memory from the next snapshot on; the trace must have the values of stores.
    void set_follows(bool follows) { follows_ = follows; }
    bool done() const { return done_; }

    CutResult finish() {
        flush();
        if (!writer_)
            throw FileError(reader_.path(), "has nothing of this range");
        if (state_.memory_known() && last_snapshot_ != writer_->instr())
            write_snapshot(state_.cpu(), nullptr);
        result_.end_instr = writer_->instr();
        result_.blocks_defined = blocks_.size();
        writer_->finish();
        return result_;
    }

    // --- For ChunkWalk ---
    void on_block(const BlockExecution& block) {
        flush();
        done_ = block.instr >= to_;
        if (done_)
            return;
        if (with_registers_)
            pending_registers_ = registers_.next(block.id);
        if (!writer_ && block.instr + block.executed > from_)
            begin(block);
        state_.begin_block(block);
        if (writer_)
            pending_ = block;
    }
    void on_accesses(const BlockExecution&, std::span<const Access> accesses) {
        if (done_)
            return;
        for (const Access& access : accesses)
            if (access.kind == AccessKind::fill)
                known_[access.translation().page] = access.translation();
        state_.apply(accesses);
        if (writer_)
            accesses_.insert(accesses_.end(), accesses.begin(), accesses.end());
    }
    void on_event(const Event& event) {
        if (done_)
            return;
        state_.apply(event);
        if (const auto* change = std::get_if<MemoryMapChange>(&event.detail))
            set_map(change->map);
        if (!writer_)
            return;
        const bool inside = pending_ && event.instr < pending_->instr + pending_->executed;
        if (!inside)
            flush();
        write(event);
    }

  private:
    // A block in the new trace.
    struct Rewritten {
        uint32_t id;
        std::vector<MemoryOperation> operations;
    };

    void set_map(uint32_t number) {
        if (number >= reader_.memory_maps().size())
            throw Error("names a memory map that does not stand before it");
        maps_[reader_.memory_maps()[number].address_space] = number;
    }

    // Starts the new trace with this execution, which is the first in the range.
    void begin(const BlockExecution& block) {
        TraceHeader header = reader_.header();
        header.first_instr = block.instr;
        result_.first_instr = block.instr;
        writer_.emplace(output_, header, writer_options(options_, memory_, with_registers_));
        for (const auto& [address_space, number] : maps_)
            writer_->memory_map(reader_.memory_maps()[number]);
        ChunkStart start;
        if (state_.memory_known()) {
            start.cpu = state_.cpu();
            if (with_registers_)
                set_block_registers(*start.cpu, pending_registers_);
            write_snapshot(*start.cpu, nullptr);
        } else {
            writer_->event({block.instr, AddressSpaceChange{state_.cr3()}});
        }
        for (const auto& [page, translation] : known_)
            start.translations.push_back(translation);
        if (memory_ != MemoryColumns::none)
            writer_->begin_chunk(start);
    }

    // memory: null means the memory of state_.
    void write_snapshot(const CpuState& cpu, const GuestMemory* memory) {
        flush();
        std::optional<FlatMemory> restored;
        if (memory != nullptr) {
            restored.emplace(MemoryLayout(reader_.header().memory_blocks));
            restored->restore(*memory);
        }
        const FlatMemory& flat = restored ? *restored : state_.memory().flat();
        writer_->snapshot(
            cpu,
            [&flat](uint32_t block) {
                return flat.bytes().subspan(flat.layout().flat(block, 0), flat.layout().block_size(block));
            },
            SnapshotKind::changed);
        last_snapshot_ = writer_->instr();
        ++result_.snapshots;
    }

    void write(const Event& event) {
        if (const auto* change = std::get_if<MemoryMapChange>(&event.detail))
            writer_->memory_map(reader_.memory_maps()[change->map]);
        else if (const auto* gap = std::get_if<Gap>(&event.detail))
            writer_->skip(gap->instructions);
        else
            writer_->event(event);
    }

    // Writes the pending execution, if there is one.
    void flush() {
        if (!pending_)
            return;
        const BlockExecution block = *std::exchange(pending_, std::nullopt);
        const BlockView view = reader_.blocks()[block.id];
        const Rewritten& rewritten = rewrite(block.id, view);
        const uint32_t id = rewritten.id;
        const bool whole = block.executed == view.instruction_offsets.size();
        ++result_.blocks_executed;
        if (memory_ == MemoryColumns::none) {
            writer_->registers(id, pending_registers_);
            if (whole)
                writer_->append_blocks({&id, 1});
            else
                writer_->append_partial(id, block.executed);
            return;
        }
        rebuild_words(rewritten.operations, block.executed, accesses_, memory_ == MemoryColumns::values,
                      words_);
        accesses_.clear();
        for (const InnerEvent& event : words_.inner)
            writer_->inner(event);
        writer_->registers(id, pending_registers_);
        if (whole)
            writer_->append(id, words_.words.data());
        else
            writer_->append_cut(id, block.executed, words_.words.data());
    }

    const Rewritten& rewrite(uint32_t id, const BlockView& view) {
        const auto known = blocks_.find(id);
        if (known != blocks_.end())
            return known->second;
        BlockDefinition block;
        block.pc = view.pc;
        block.cs_base = view.cs_base;
        block.flags = view.flags;
        block.physical_pc = view.physical_pc;
        block.physical_second_page = view.physical_second_page;
        block.guest_size = view.guest_size;
        block.code.assign(view.code.begin(), view.code.end());
        block.instruction_offsets.assign(view.instruction_offsets.begin(), view.instruction_offsets.end());
        block.operations = operations_alone(view.operations);
        block.tcg.assign(view.tcg.begin(), view.tcg.end());
        const uint32_t new_id = writer_->define_block(block);
        return blocks_.emplace(id, Rewritten{new_id, std::move(block.operations)}).first->second;
    }

    TraceReader& reader_;
    uint64_t from_;
    uint64_t to_;
    std::string output_;
    const CutOptions& options_;
    PassState state_;
    ChunkWalk walk_;
    bool follows_ = false;
    bool done_ = false;
    MemoryColumns memory_ = MemoryColumns::none;  // of the current chunk
    bool with_registers_ = false;                 // likewise
    RegisterCursor registers_;
    std::map<uint64_t, Translation> known_;           // by page
    std::map<uint32_t, uint32_t> maps_;               // those in force: numbers by address space
    std::optional<TraceWriter> writer_;               // nothing until the range starts
    std::optional<uint64_t> last_snapshot_;           // instr of the last snapshot written
    std::unordered_map<uint32_t, Rewritten> blocks_;  // by their old ids
    std::optional<BlockExecution> pending_;
    BlockRegisters pending_registers_{};  // those at its start
    std::vector<Access> accesses_;        // of pending_
    ExecutionWords words_;
    CutResult result_;
};

}  // namespace

CutResult cut(TraceReader& reader, uint64_t from, uint64_t to, const std::string& output,
              const CutOptions& options) {
    reader.load_blocks();
    const Contents& contents = reader.contents();
    const auto at = std::partition_point(
        contents.chunks.begin(), contents.chunks.end(),
        [from](const ChunkEntry& entry) { return entry.first_instr + entry.instr_count <= from; });
    if (from >= to || at == contents.chunks.end() || at->first_instr >= to)
        throw FileError(reader.path(),
                        "has nothing of the range " + std::to_string(from) + " to " + std::to_string(to));
    const auto first = static_cast<size_t>(at - contents.chunks.begin());
    Cutter cutter(reader, from, to, output, options);
    // If the trace has no values of stores, memory is known only at snapshots. Then nothing before the range
    // has to be followed.
    const bool follows = reader.chunk(first).summary().memory == MemoryColumns::values;
    cutter.set_follows(follows);
    size_t next_snapshot = contents.snapshots_before(first);
    size_t chunk = first;
    if (follows && next_snapshot > 0)
        chunk = contents.chunk_after(--next_snapshot);
    for (; chunk < contents.chunks.size() && contents.chunks[chunk].first_instr < to && !cutter.done();
         ++chunk) {
        for (; next_snapshot < contents.snapshots_before(chunk); ++next_snapshot)
            cutter.take_snapshot(next_snapshot);
        cutter.take(reader.chunk(chunk));
    }
    return cutter.finish();
}

}  // namespace panda::trace
