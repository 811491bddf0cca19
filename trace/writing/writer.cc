#include "trace/writing/writer.h"

#include <signal.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "trace/limits.h"
#include "trace/writing/bounded_queue.h"
#include "trace/writing/chunk_builder.h"
#include "trace/writing/encoder.h"
#include "trace/writing/snapshot_writer.h"

namespace panda::trace {
namespace {

constexpr size_t enough_definition_bytes = size_t{8} << 20;  // when these wait, they are handed over

void check_header(const TraceHeader& header) {
    if (header.memory_blocks.size() > max_memory_blocks || header.facts.size() > max_facts ||
        header.devices.size() > max_devices)
        throw Error("a trace cannot have so many memory blocks, facts or devices");
    for (const auto& block : header.memory_blocks) {
        if (block.size % page_size != 0 || block.size > max_memory_block_size)
            throw Error("memory block " + block.name + " does not consist of whole pages, or is too large");
    }
}

// Starts a thread that takes no signals: these belong to the program that uses the writer.
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

// About how many bytes a definition takes while it waits.
size_t size_of(const BlockDefinition& definition) {
    return definition.code.size() + definition.tcg.size() +
           sizeof(MemoryOperation) * definition.operations.size() + sizeof(definition);
}

}  // namespace

class TraceWriter::Impl {
  public:
    Impl(const std::string& path, const TraceHeader& header, const WriterOptions& options)
        : level_(options.compression_level),
          encoder_(path, header, options),
          queue_(std::max(options.queue_items, 1u)),
          snapshot_writer_(header.memory_blocks),
          builder_(options, [this](ChunkWork chunk) { put_chunk(std::move(chunk)); }) {
        builder_.begin_at(header.first_instr);
        thread_ = start_quiet_thread([this] { run(); });
    }

    ~Impl() {
        queue_.close();
        if (thread_.joinable())
            thread_.join();
    }

    uint32_t define_block(BlockDefinition definition, bool executes_here) {
        check_definition(definition);
        if (definition_count_ == max_blocks)
            throw Error("the trace has more blocks than it can hold");
        if (definition_bytes_ >= enough_definition_bytes)
            flush_definitions();
        if (executes_here)
            builder_.define_block(definition.instruction_count(), definition.operations, definition.changes);
        definition_bytes_ += size_of(definition);
        definitions_.push_back(std::move(definition));
        return definition_count_++;
    }

    ChunkBuilder& builder() { return builder_; }

    void begin_chunk(const ChunkStart& start) {
        builder_.seal();
        builder_.open_with(start);
    }

    void event(const Event& event) {
        if (std::holds_alternative<MemoryMapChange>(event.detail))
            throw Error("memory maps have a call of their own");
        builder_.event(event);
    }

    void memory_map(const MemoryMap& map) {
        const auto number = enter_memory_map(map);
        if (!number)
            return;
        if (chunk_count_ == 0 && builder_.untouched())  // the map at the trace's start is not a change
            builder_.set_memory_maps(current_maps_);
        else
            builder_.change_memory_map(map.address_space, *number);
    }

    std::optional<uint32_t> enter_memory_map(const MemoryMap& map) {
        if (map.ranges.size() > max_mapped_ranges || map.address_space >= max_physical_address_spaces)
            throw Error("a memory map has too many ranges, or an impossible address space");
        const uint32_t number = map_number(map);
        if (current_maps_.size() <= map.address_space)
            current_maps_.resize(map.address_space + 1);
        if (std::exchange(current_maps_[map.address_space], number + 1) == number + 1)
            return std::nullopt;
        return number;
    }
    const std::vector<uint32_t>& memory_maps() const { return current_maps_; }

    void append_stretch(std::future<EncodedStretch> stretch, uint64_t instr_end) {
        builder_.seal();
        flush_definitions();
        queue_.push(std::move(stretch));
        ++chunk_count_;
        builder_.begin_at(instr_end);
    }

    void snapshot(const CpuState& state, const MemoryProvider& memory, SnapshotKind kind) {
        if (snapshot_count_ == 0)
            kind = SnapshotKind::full;
        builder_.seal();
        if (chunk_count_ == 0)
            builder_.begin_in_address_space(state.cr3);  // now the CR3 at the trace's start is known
        else
            builder_.enter_address_space(state.cr3);
        queue_.push(SnapshotWork{snapshot_count_, instr(), kind, state, current_maps_});
        snapshot_writer_.write(snapshot_count_, kind, memory, [this](Work work) {
            // Rather than wait for the encoder, help it.
            if (auto* pages = std::get_if<PagesWork>(&work); pages != nullptr && queue_.full())
                compress_pages(*pages, level_);
            queue_.push(std::move(work));
        });
        ++snapshot_count_;
    }

    uint64_t instr() const { return builder_.instr(); }

    void finish() {
        builder_.seal();
        flush_definitions();
        queue_.push(EndWork{instr()});
        queue_.close();
        thread_.join();
        queue_.check();
    }

  private:
    // Runs on the encoder's thread.
    void run() {
        try {
            while (auto work = queue_.pop())
                encoder_.encode(*work);
        } catch (...) {
            queue_.fail(std::current_exception());
        }
    }

    void put_chunk(ChunkWork chunk) {
        flush_definitions();
        queue_.push(std::move(chunk));
        ++chunk_count_;
    }

    void flush_definitions() {
        if (definitions_.empty())
            return;
        const uint32_t first = definition_count_ - static_cast<uint32_t>(definitions_.size());
        definition_bytes_ = 0;
        queue_.push(DefinitionsWork{first, std::exchange(definitions_, {})});
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

    const int level_;
    Encoder encoder_;  // used by thread_ alone, once that runs
    BoundedQueue<Work> queue_;
    std::thread thread_;

    std::vector<BlockDefinition> definitions_;  // not handed over yet
    size_t definition_bytes_ = 0;               // the size of definitions_
    uint32_t definition_count_ = 0;             // of all definitions
    std::vector<MemoryMap> maps_;               // by number
    std::vector<uint32_t> current_maps_;        // by physical address space: number + 1, 0 = none
    SnapshotWriter snapshot_writer_;
    uint32_t snapshot_count_ = 0;
    uint64_t chunk_count_ = 0;  // handed over, stretches included
    ChunkBuilder builder_;
};

TraceWriter::TraceWriter(const std::string& path, const TraceHeader& header, const WriterOptions& options) {
    check_header(header);
    impl_ = std::make_unique<Impl>(path, header, options);
}
TraceWriter::~TraceWriter() = default;

uint32_t TraceWriter::define_block(const BlockDefinition& definition) {
    return impl_->define_block(definition, true);
}
uint32_t TraceWriter::define_block_elsewhere(BlockDefinition definition) {
    return impl_->define_block(std::move(definition), false);
}
void TraceWriter::append_blocks(std::span<const uint32_t> ids) {
    impl_->builder().append_blocks(ids);
}
void TraceWriter::append_partial(uint32_t id, uint32_t executed) {
    impl_->builder().append_partial(id, executed);
}
void TraceWriter::append(uint32_t id, const uint64_t* words) {
    impl_->builder().append(id, words);
}
void TraceWriter::append_cut(uint32_t id, uint32_t executed, const uint64_t* words) {
    impl_->builder().append_cut(id, executed, words);
}
size_t TraceWriter::append_records(std::span<const std::byte> records, bool leave_last) {
    return impl_->builder().append_records(records, leave_last);
}
void TraceWriter::registers(uint32_t id, const BlockRegisters& values) {
    impl_->builder().registers(id, values);
}
void TraceWriter::inner(const InnerEvent& event) {
    impl_->builder().inner(event);
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
std::optional<uint32_t> TraceWriter::enter_memory_map(const MemoryMap& map) {
    return impl_->enter_memory_map(map);
}
const std::vector<uint32_t>& TraceWriter::memory_maps() const {
    return impl_->memory_maps();
}
void TraceWriter::append_stretch(std::future<EncodedStretch> stretch, uint64_t instr_end) {
    impl_->append_stretch(std::move(stretch), instr_end);
}
void TraceWriter::skip(uint64_t instructions) {
    impl_->builder().skip(instructions);
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
