#include "trace/writer.h"

#include <signal.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>

#include "trace/bounded_queue.h"
#include "trace/encoder.h"
#include "trace/event_codec.h"
#include "trace/limits.h"
#include "trace/memory_encoder.h"
#include "trace/page_codec.h"
#include "trace/snapshot_writer.h"

namespace panda::trace {
namespace {

constexpr size_t max_event_bytes = size_t{16} << 20;                        // of a chunk's event column
constexpr size_t enough_definition_bytes = max_operation_column_bytes / 2;  // for a message

void check_header(const TraceHeader& header) {
    if (header.memory_blocks.size() > max_memory_blocks || header.facts.size() > max_facts)
        throw Error("a trace cannot have so many memory blocks or facts");
    for (const auto& block : header.memory_blocks) {
        if (block.size % page_size != 0 || block.size > max_memory_block_size)
            throw Error("memory block " + block.name + " is not of whole pages, or too large");
    }
}

// A thread that takes no signals: they belong to the program that the writer lives in.
template <typename Function>
std::thread start_quiet_thread(Function function) {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    try {
        std::thread thread(std::move(function));
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        return thread;
    } catch (...) {
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
        throw;
    }
}

constexpr size_t record_header = 8;  // bytes before an execution's words
constexpr uint32_t usual_chunk_blocks = 1u << 20;

}  // namespace

class TraceWriter::Impl {
  public:
    Impl(const std::string& path, const TraceHeader& header, const WriterOptions& options)
        : options_(options),
          encoder_(path, header, options),
          queue_(std::max(options.queue_items, 1u)),
          snapshot_writer_(header.memory_blocks),
          instr_(header.first_instr) {
        options_.chunk_blocks = std::clamp(options_.chunk_blocks, 1u, max_chunk_blocks);
        if (options_.memory != MemoryColumns::none)
            memory_.emplace(options_.memory);
        open_chunk();
        thread_ = start_quiet_thread([this] { run(); });
    }

    ~Impl() {
        queue_.close();
        if (thread_.joinable())
            thread_.join();
    }

    uint32_t define_block(const BlockDefinition& definition) {
        check_definition(definition);
        if (instruction_counts_.size() == max_blocks)
            throw Error("the trace has more blocks than it can hold");
        if (definitions_.count() == max_blocks_per_message || definitions_.size() >= enough_definition_bytes)
            flush_definitions();
        definitions_.append(definition);
        if (memory_)
            memory_->define(definition.operations);
        instruction_counts_.push_back(static_cast<uint16_t>(definition.instruction_count()));
        return static_cast<uint32_t>(instruction_counts_.size() - 1);
    }

    void append_blocks(std::span<const uint32_t> ids) {
        require_no_memory();
        while (!ids.empty()) {
            const size_t room = options_.chunk_blocks - chunk_.blocks.size();
            const auto part = ids.first(std::min(room, ids.size()));
            uint64_t instructions = 0;
            for (const uint32_t id : part)
                instructions += instruction_count(id);
            chunk_.blocks.insert(chunk_.blocks.end(), part.begin(), part.end());
            instr_ += instructions;
            if (part.size() == room)
                seal_chunk();
            ids = ids.subspan(part.size());
        }
    }

    void append_partial(uint32_t id, uint32_t executed) {
        require_no_memory();
        add_execution(id, check_executed(id, executed));
    }

    void append(uint32_t id, const uint64_t* words) {
        const uint32_t instructions = instruction_count(id);
        if (memory_)
            memory_->append(id, words);
        chunk_.blocks.push_back(id);
        instr_ += instructions;
        seal_if_full();
    }

    size_t append_records(std::span<const std::byte> records, bool leave_last) {
        const std::byte* at = records.data();
        const std::byte* const end = at + records.size();
        for (bool more = at != end; more;) {
            more = memory_ ? append_some<true>(at, end, leave_last) : append_some<false>(at, end, leave_last);
            seal_if_full();
        }
        return static_cast<size_t>(at - records.data());
    }

    void append_cut(uint32_t id, uint32_t executed, const uint64_t* words) {
        if (check_executed(id, executed) == instruction_count(id)) {
            append(id, words);
            return;
        }
        if (memory_)
            memory_->append_cut(id, executed, words);
        add_execution(id, executed);
    }

    void inner(const InnerEvent& event) {
        if (memory_)
            memory_->inner(event);
    }

    void begin_chunk(const ChunkStart& start) {
        if (start.translations.size() > max_chunk_translations)
            throw Error("a chunk opens with more translations than it can");
        for (size_t i = 0; i < start.translations.size(); ++i) {
            check_translation(start.translations[i]);
            if (i > 0 && start.translations[i].page <= start.translations[i - 1].page)
                throw Error("the translations of a chunk must ascend");
        }
        if (!untouched())
            seal_chunk();
        chunk_.cpu = start.cpu;
        if (memory_)
            memory_->begin(start.translations);
    }

    void event(const Event& event) {
        if (std::holds_alternative<MemoryMapChange>(event.detail) ||
            std::holds_alternative<Gap>(event.detail))
            throw Error("memory maps and gaps have calls of their own");
        if (const auto* change = std::get_if<AddressSpaceChange>(&event.detail))
            enter_address_space(change->cr3);
        if (const auto* transfer = std::get_if<Transfer>(&event.detail); transfer != nullptr && memory_)
            memory_->transferred(transfer->block, transfer->offset, transfer->data.size());
        append_event(event);
    }

    void memory_map(const MemoryMap& map) {
        if (map.ranges.size() > max_mapped_ranges || map.address_space >= max_physical_address_spaces)
            throw Error("a memory map has too many ranges, or an impossible address space");
        const uint32_t number = map_number(map);
        if (current_maps_.size() <= map.address_space)
            current_maps_.resize(map.address_space + 1);
        if (std::exchange(current_maps_[map.address_space], number + 1) == number + 1)
            return;
        if (chunk_count_ == 0 && untouched())  // the map at the trace's begin is no change
            chunk_.first_memory_maps = current_maps_;
        else
            append_event({instr_, MemoryMapChange{number}});
    }

    void skip(uint64_t instructions) { append_event({instr_, Gap{instructions}}, instructions); }

    void snapshot(const CpuState& state, const MemoryProvider& memory, SnapshotKind kind) {
        if (snapshot_count_ == 0)
            kind = SnapshotKind::full;
        if (!untouched())
            seal_chunk();
        if (chunk_count_ == 0)
            chunk_.address_spaces.clear();  // now the one at the trace's begin is known
        enter_address_space(state.cr3);
        queue_.push(SnapshotWork{snapshot_count_, instr_, kind, state, current_maps_});
        snapshot_writer_.write(snapshot_count_, kind, memory,
                               [this](Work work) { queue_.push(std::move(work)); });
        ++snapshot_count_;
    }

    uint64_t instr() const { return instr_; }

    void finish() {
        if (!untouched())
            seal_chunk();
        flush_definitions();
        queue_.push(EndWork{instr_});
        queue_.close();
        thread_.join();
        queue_.check();
    }

  private:
    // On the encoder's thread.
    void run() {
        try {
            while (const auto work = queue_.pop())
                encoder_.encode(*work);
        } catch (...) {
            queue_.fail(std::current_exception());
        }
    }

    uint32_t instruction_count(uint32_t id) const {
        if (id >= instruction_counts_.size())
            throw Error("block " + std::to_string(id) + " is executed but not defined");
        return instruction_counts_[id];
    }

    uint32_t check_executed(uint32_t id, uint32_t executed) const {
        if (executed > instruction_count(id))
            throw Error("a block cannot execute more instructions than it has");
        return executed;
    }

    void require_no_memory() const {
        if (memory_)
            throw Error("a trace with memory columns needs what each block did to memory");
    }

    void add_execution(uint32_t id, uint32_t executed) {
        if (executed < instruction_count(id))
            chunk_.cuts.push_back({static_cast<uint32_t>(chunk_.blocks.size()), executed});
        chunk_.blocks.push_back(id);
        instr_ += executed;
        seal_if_full();
    }

    void seal_if_full() {
        if (chunk_.blocks.size() == options_.chunk_blocks || (memory_ && memory_->full()))
            seal_chunk();
    }

    // Up to where the chunk is full. Returns whether there is more.
    template <bool with_memory>
    bool append_some(const std::byte*& at, const std::byte* end, bool leave_last) {
        const size_t room = options_.chunk_blocks - chunk_.blocks.size();
        const uint32_t known = static_cast<uint32_t>(instruction_counts_.size());
        uint64_t instructions = 0;
        bool more = true;
        for (size_t i = 0; i < room && more; ++i) {
            uint32_t id = 0;
            if (static_cast<size_t>(end - at) >= record_header)
                std::memcpy(&id, at, sizeof(id));
            if (id >= known)
                throw Error("block " + std::to_string(id) + " is executed but not defined");
            const size_t bytes = record_header + (with_memory ? sizeof(uint64_t) * memory_->words(id) : 0);
            if (static_cast<size_t>(end - at) < bytes)
                throw Error("an execution's record is not whole");
            more = at + bytes != end;
            if (!more && leave_last)
                break;
            // Records are of 8-byte words, and the ring that they come from is aligned.
            if (with_memory)
                memory_->append(id, reinterpret_cast<const uint64_t*>(at + record_header));
            chunk_.blocks.push_back(id);
            instructions += instruction_counts_[id];
            at += bytes;
            if (with_memory && memory_->full())
                break;
        }
        instr_ += instructions;
        return more;
    }

    bool untouched() const { return chunk_.blocks.empty() && events_.count() == 0; }

    void open_chunk() {
        chunk_ = ChunkWork();
        chunk_.blocks.reserve(std::min(options_.chunk_blocks, usual_chunk_blocks));
        chunk_.first_instr = instr_;
        chunk_.address_spaces = {address_space_};
        chunk_.first_memory_maps = current_maps_;
    }

    void seal_chunk() {
        flush_definitions();
        chunk_.instr_count = instr_ - chunk_.first_instr;
        chunk_.definition_count = static_cast<uint32_t>(instruction_counts_.size());
        chunk_.event_count = events_.count();
        chunk_.events = events_.take();
        chunk_.memory = options_.memory;
        if (memory_)
            chunk_.memory_columns = memory_->take();
        queue_.push(std::move(chunk_));
        ++chunk_count_;
        open_chunk();
    }

    void flush_definitions() {
        const uint32_t count = definitions_.count();
        if (count == 0)
            return;
        const auto first = static_cast<uint32_t>(instruction_counts_.size()) - count;
        queue_.push(DefinitionsWork{first, std::exchange(definitions_, DefinitionEncoder())});
    }

    // gap: instructions that the event itself stands for.
    void append_event(const Event& event, uint64_t gap = 0) {
        events_.append({static_cast<uint32_t>(chunk_.blocks.size()),
                        static_cast<int64_t>(event.instr - instr_), event.detail});
        instr_ += gap;
        if (events_.count() == max_chunk_events || events_.size() >= max_event_bytes)
            seal_chunk();
    }

    void enter_address_space(uint64_t cr3) {
        address_space_ = cr3;
        auto& spaces = chunk_.address_spaces;
        if (std::find(spaces.begin(), spaces.end(), cr3) != spaces.end())
            return;
        if (spaces.size() == max_chunk_address_spaces)
            chunk_.address_spaces_complete = false;
        else
            spaces.push_back(cr3);
    }

    uint32_t map_number(const MemoryMap& map) {
        const auto found = std::find(maps_.rbegin(), maps_.rend(), map);
        if (found != maps_.rend())
            return static_cast<uint32_t>(maps_.rend() - found - 1);
        if (maps_.size() == max_memory_maps)
            throw Error("the trace has more memory maps than it can hold");
        const auto number = static_cast<uint32_t>(maps_.size());
        maps_.push_back(map);
        queue_.push(MemoryMapWork{number, map});
        return number;
    }

    WriterOptions options_;
    Encoder encoder_;  // the thread's, once that runs
    BoundedQueue<Work> queue_;
    std::thread thread_;

    std::vector<uint16_t> instruction_counts_;  // by block id
    DefinitionEncoder definitions_;             // not handed over yet
    std::vector<MemoryMap> maps_;               // by number
    std::vector<uint32_t> current_maps_;        // by physical address space: number + 1, 0 = none
    SnapshotWriter snapshot_writer_;
    uint32_t snapshot_count_ = 0;

    ChunkWork chunk_;           // open; its events are in events_
    uint64_t chunk_count_ = 0;  // sealed
    EventEncoder events_;
    std::optional<MemoryEncoder> memory_;  // when there are memory columns
    uint64_t instr_;
    uint64_t address_space_ = 0;
};

TraceWriter::TraceWriter(const std::string& path, const TraceHeader& header, const WriterOptions& options) {
    check_header(header);
    impl_ = std::make_unique<Impl>(path, header, options);
}
TraceWriter::~TraceWriter() = default;

uint32_t TraceWriter::define_block(const BlockDefinition& definition) {
    return impl_->define_block(definition);
}
void TraceWriter::append_blocks(std::span<const uint32_t> ids) {
    impl_->append_blocks(ids);
}
void TraceWriter::append_partial(uint32_t id, uint32_t executed) {
    impl_->append_partial(id, executed);
}
void TraceWriter::append(uint32_t id, const uint64_t* words) {
    impl_->append(id, words);
}
void TraceWriter::append_cut(uint32_t id, uint32_t executed, const uint64_t* words) {
    impl_->append_cut(id, executed, words);
}
size_t TraceWriter::append_records(std::span<const std::byte> records, bool leave_last) {
    return impl_->append_records(records, leave_last);
}
void TraceWriter::inner(const InnerEvent& event) {
    impl_->inner(event);
}
void TraceWriter::begin_chunk(const ChunkStart& start) {
    impl_->begin_chunk(start);
}
void TraceWriter::event(const Event& event) {
    impl_->event(event);
}
void TraceWriter::memory_map(const MemoryMap& map) {
    impl_->memory_map(map);
}
void TraceWriter::skip(uint64_t instructions) {
    impl_->skip(instructions);
}
void TraceWriter::snapshot(const CpuState& state, const MemoryProvider& memory, SnapshotKind kind) {
    impl_->snapshot(state, memory, kind);
}
uint64_t TraceWriter::instr() const {
    return impl_->instr();
}
void TraceWriter::finish() {
    impl_->finish();
}

}  // namespace panda::trace
