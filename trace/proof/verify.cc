#include "trace/proof/verify.h"

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>
#include <set>
#include <thread>

#include "trace/memory/frame_finder.h"
#include "trace/pass/memory_follower.h"
#include "trace/pass/pass.h"
#include "trace/proof/block_chain.h"
#include "trace/proof/block_modes.h"
#include "trace/proof/block_registers_check.h"
#include "trace/reading/chunk_walk.h"
#include "trace/reading/in_chunk.h"

namespace panda::trace {
namespace {

constexpr uint32_t unknown_snapshot = ~uint32_t{0};

// Verifies a section of a trace: chunks and snapshots in order.
class Section {
  public:
    // reader: for its tables only, which may grow.
    Section(const TraceReader& reader, const VerifyOptions& options)
        : reader_(reader),
          options_(options),
          follower_(std::in_place, reader.header(), reader.memory_maps()),
          walk_(reader.blocks()),
          chain_(reader.blocks()),
          modes_(reader.blocks()),
          snapshot_memory_(std::in_place, reader.header()) {}

    // Starts from the memory of a snapshot. number, instr: those of the snapshot.
    void begin(GuestMemory memory, uint32_t number, uint64_t instr) {
        snapshot_memory_ = std::move(memory);
        restore(number, instr);
    }

    void take(const Chunk& chunk) {
        const ChunkSummary& summary = chunk.summary();
        expect_instr(summary.first_instr, "chunk");
        instr_ = summary.first_instr + summary.instr_count;
        ++report_.chunks;
        report_.blocks += summary.block_count;
        report_.events += summary.event_count;
        report_.bytes_read += chunk.file_bytes();
        follows_ = memory_known_ && summary.memory == MemoryColumns::values;
        if (memory_known_ && !follows_)
            forget_memory("the trace does not hold the values that were stored");
        modes_.start(summary);
        registers_.start(chunk);
        in_chunk(reader_.path(), chunk, [&] {
            go(chunk);
            registers_.end();
        });
    }

    void take(const Snapshot& snapshot) {
        expect_instr(snapshot.instr, "snapshot");
        instr_ = snapshot.instr;
        known_instr_ = true;
        ++report_.snapshots;
        report_.bytes_read += snapshot.file_bytes;
        if (snapshot.kind == SnapshotKind::full && memory_known_)  // does not list pages that became zero
            snapshot_memory_->for_each_page_number(
                [this](uint32_t block, uint64_t page) { note_page(block, page); });
        snapshot_memory_->apply(snapshot);
        bool same = false;
        if (memory_known_)
            same = compare(snapshot);
        if (same) {
            snapshot_number_ = snapshot.number;
            snapshot_instr_ = snapshot.instr;
        } else {
            restore(snapshot.number, snapshot.instr);
        }
    }

    // After the last chunk and snapshot: completes the report, and frees the memory.
    void finish() {
        walk_.finish(*this);
        report_.registers_checked = registers_.checked();
        follower_.reset();
        snapshot_memory_.reset();
    }

    // Puts the section that follows this one behind it.
    void append(Section&& next);
    VerifyReport take_report() { return std::move(report_); }

    // --- For ChunkWalk ---
    void on_block(const BlockExecution& block) {
        const auto previous = chain_.previous();
        if (!chain_.on_block(block)) [[unlikely]]
            note_broken_link(*previous, block);
        if (!modes_.on_block(block.id)) [[unlikely]]
            note_wrong_mode(block);
        if (!registers_.on_block(block)) [[unlikely]]
            note_wrong_registers(block);
    }
    void on_accesses(const BlockExecution&, std::span<const Access> accesses) {
        report_.accesses += accesses.size();
        if (follows_)
            follower_->apply(accesses);
    }
    void on_event(const Event& event) {
        chain_.on_event(event);
        modes_.on_event(event);
        registers_.on_event(event);
        if (std::holds_alternative<Gap>(event.detail) && memory_known_)
            forget_memory("the trace leaves out instructions");
        if (memory_known_)
            follower_->apply(event);
    }

  private:
    void go(const Chunk& chunk) {
        if (!follows_) {
            if (chunk.summary().memory != MemoryColumns::none)
                walk_.go<CursorColumns::memory>(chunk, *this);
            else
                walk_.go<CursorColumns::blocks>(chunk, *this);
            return;
        }
        follower_->start(chunk);
        const uint64_t lost = follower_->lost_stores();
        walk_.go<CursorColumns::memory>(chunk, *this);
        report_.lost_stores += follower_->lost_stores() - lost;
        check_listed_pages(chunk);
    }

    void restore(uint32_t number, uint64_t instr) {
        follower_->restore(*snapshot_memory_);
        stored_.clear();
        memory_known_ = true;
        known_instr_ = true;
        instr_ = instr;
        snapshot_number_ = number;
        snapshot_instr_ = instr;
    }

    void forget_memory(const std::string& why) {
        memory_known_ = follows_ = false;
        report_.not_compared = why;
    }

    void expect_instr(uint64_t instr, const char* what) {
        if (known_instr_ && instr != instr_)
            note_contradiction("the " + std::string(what) + " at instr " + std::to_string(instr) +
                               " follows one that ends at " + std::to_string(instr_));
        known_instr_ = true;
    }

    void note_contradiction(std::string text) {
        if (report_.contradictions.size() < options_.listed)
            report_.contradictions.push_back(std::move(text));
    }

    void note_broken_link(const BlockExecution& previous, const BlockExecution& block) {
        if (report_.broken_links++ < options_.listed)
            report_.links.push_back({block.instr, reader_.blocks().pc(previous.id), previous.executed,
                                     reader_.blocks().pc(block.id)});
    }

    void note_wrong_mode(const BlockExecution& block) {
        if (report_.wrong_modes++ == 0)
            note_contradiction("the block at instr " + std::to_string(block.instr) +
                               " was translated for another mode than the one that follows from the events");
    }

    void note_wrong_registers(const BlockExecution& block) {
        if (report_.wrong_registers++ == 0)
            note_contradiction("the block at instr " + std::to_string(block.instr) +
                               " starts with other registers than the chunk or a system call says");
    }

    // Every page that the chunk stored to must be in its list, or searches would miss it.
    void check_listed_pages(const Chunk& chunk) {
        const auto written = chunk.pages_written();
        if (maps_seen_ != reader_.memory_maps().size()) {
            maps_seen_ = reader_.memory_maps().size();
            finder_.emplace(reader_.memory_maps());
        }
        for (const uint64_t number : follower_->take_stored_pages()) {
            const auto place = follower_->flat().layout().place(number * page_size);
            const BlockPage page{place.block, place.offset / page_size};
            if (written && !FrameFinder::may_write(*written, page, finder_->frames(page)))
                ++report_.unlisted_pages;
            stored_.insert(number);
        }
    }

    // Notes a page that must be compared at the next snapshot.
    void note_page(uint32_t block, uint64_t page) {
        stored_.insert(follower_->flat().layout().flat(block, page * page_size) / page_size);
    }

    // Compares the pages that were stored to since the last snapshot, and those that this snapshot lists. All
    // other pages are as they were in the last snapshot, in both.
    bool compare(const Snapshot& snapshot) {
        const MemoryLayout& layout = follower_->flat().layout();
        snapshot.for_each_page_number([this](uint32_t block, uint64_t page) { note_page(block, page); });
        const uint64_t differing = report_.differing_pages;
        for (const uint64_t number : stored_)
            compare_page(number, snapshot);
        ++report_.snapshots_compared;
        report_.pages_compared += stored_.size();
        report_.pages_covered += layout.size() / page_size;
        stored_.clear();
        if (follower_->maps() != snapshot.memory_maps)
            note_contradiction("the memory map at the snapshot at instr " + std::to_string(snapshot.instr) +
                               " is not the one that follows from the events");
        return differing == report_.differing_pages;
    }

    void compare_page(uint64_t number, const Snapshot& snapshot) {
        const auto place = follower_->flat().layout().place(number * page_size);
        std::array<std::byte, page_size> expected;
        snapshot_memory_->read_block(place.block, place.offset, expected);
        const auto found = follower_->flat().bytes().subspan(number * page_size, page_size);
        if (std::equal(expected.begin(), expected.end(), found.begin()))
            return;
        if (report_.differing_pages++ >= options_.listed)
            return;
        PageDifference difference;
        difference.snapshot = snapshot.number;
        difference.from_instr = snapshot_instr_;
        difference.to_instr = snapshot.instr;
        difference.block = place.block;
        for (size_t i = page_size; i-- > 0;) {
            if (expected[i] == found[i])
                continue;
            ++difference.bytes;
            difference.offset = place.offset + i;
            difference.expected = std::to_integer<uint8_t>(expected[i]);
            difference.found = std::to_integer<uint8_t>(found[i]);
        }
        report_.differences.push_back(difference);
    }

    const TraceReader& reader_;
    const VerifyOptions& options_;
    std::optional<MemoryFollower> follower_;
    ChunkWalk walk_;
    BlockChain chain_;
    BlockModes modes_;
    BlockRegistersCheck registers_;
    std::optional<GuestMemory> snapshot_memory_;  // memory at the last snapshot
    std::optional<FrameFinder> finder_;
    size_t maps_seen_ = 0;
    std::set<uint64_t> stored_;  // pages to compare at the next snapshot: flat address / page_size
    bool memory_known_ = false;
    bool follows_ = false;  // memory is followed through the current chunk
    bool known_instr_ = false;
    uint64_t instr_ = 0;
    uint32_t snapshot_number_ = unknown_snapshot;
    uint64_t snapshot_instr_ = 0;
    VerifyReport report_;
};

template <typename T>
void append_some(std::vector<T>& to, std::vector<T>&& from, size_t limit) {
    for (T& item : from)
        if (to.size() < limit)
            to.push_back(std::move(item));
}

void Section::append(Section&& next) {
    if (!chain_.append(next.chain_))
        ++report_.broken_links;
    VerifyReport& other = next.report_;
    report_.chunks += other.chunks;
    report_.blocks += other.blocks;
    report_.events += other.events;
    report_.accesses += other.accesses;
    report_.snapshots += other.snapshots;
    report_.snapshots_compared += other.snapshots_compared;
    report_.pages_compared += other.pages_compared;
    report_.pages_covered += other.pages_covered;
    report_.bytes_read += other.bytes_read;
    report_.differing_pages += other.differing_pages;
    report_.broken_links += other.broken_links;
    report_.lost_stores += other.lost_stores;
    report_.unlisted_pages += other.unlisted_pages;
    report_.wrong_modes += other.wrong_modes;
    report_.wrong_registers += other.wrong_registers;
    report_.registers_checked += other.registers_checked;
    append_some(report_.differences, std::move(other.differences), options_.listed);
    append_some(report_.links, std::move(other.links), options_.listed);
    append_some(report_.contradictions, std::move(other.contradictions), options_.listed);
    if (report_.not_compared.empty())
        report_.not_compared = other.not_compared;
}

VerifyReport verify_in_order(TraceReader& reader, const VerifyOptions& options, SharedProgress& progress) {
    Section section(reader, options);
    uint64_t end = reader.header().first_instr;
    while (const auto item = reader.next()) {
        if (const auto* chunk = std::get_if<Chunk>(&*item)) {
            section.take(*chunk);
            progress.add(chunk->summary().instr_count);
            end = chunk->summary().first_instr + chunk->summary().instr_count;
        } else {
            section.take(std::get<Snapshot>(*item));
        }
    }
    section.finish();
    VerifyReport report = section.take_report();
    report.end_instr = end;
    report.flaw = reader.flaw();
    return report;
}

// A section of a file: from snapshot `first` (or the beginning) to snapshot `last` (or the end).
struct Plan {
    std::optional<size_t> first;
    std::optional<size_t> last;
    size_t first_chunk = 0;
    size_t last_chunk = 0;  // one past
};

// Sections of about the same number of chunks, cut at snapshots.
std::vector<Plan> plan_sections(const Contents& contents, unsigned threads) {
    constexpr size_t sections_per_thread = 4;
    const size_t wanted = threads == 1 ? 1 : threads * sections_per_thread;
    const size_t chunks_each = contents.chunks.size() / wanted + 1;
    std::vector<Plan> plans(1);
    for (size_t number = 0; number < contents.snapshots.size(); ++number) {
        const size_t position = contents.chunk_after(number);
        if (number != 0 && position - plans.back().first_chunk < chunks_each)
            continue;
        plans.back().last = number;
        plans.back().last_chunk = position;
        plans.push_back({number, std::nullopt, position, 0});
    }
    plans.back().last_chunk = contents.chunks.size();
    return plans;
}

void run_section(Section& section, const Plan& plan, const Contents& contents, SharedReader& reader,
                 SharedProgress& progress) {
    size_t snapshot = 0;
    if (plan.first) {
        section.begin(reader.memory_at(*plan.first), static_cast<uint32_t>(*plan.first),
                      contents.snapshots[*plan.first].instr);
        snapshot = *plan.first + 1;
    }
    const size_t last_snapshot = plan.last ? *plan.last + 1 : contents.snapshots.size();
    for (size_t number = plan.first_chunk; number <= plan.last_chunk; ++number) {
        const bool at_end = number == plan.last_chunk;
        const size_t before = at_end ? last_snapshot : contents.snapshots_before(number);
        for (; snapshot < std::min(before, last_snapshot); ++snapshot)
            section.take(reader.snapshot(snapshot));
        if (at_end)
            break;
        section.take(reader.chunk(number));
        progress.add(contents.chunks[number].instr_count);
    }
    section.finish();
}

VerifyReport verify_file(TraceReader& reader, const VerifyOptions& options, SharedProgress& progress) {
    const unsigned threads = options.threads != 0 ? options.threads : std::thread::hardware_concurrency();
    reader.load_blocks();
    const Contents& contents = reader.contents();
    const std::vector<Plan> plans = plan_sections(contents, threads);
    std::vector<std::unique_ptr<Section>> sections(plans.size());
    SharedReader shared(reader);
    run_shards(plans.size(), threads, [&](size_t number) {
        sections[number] = std::make_unique<Section>(reader, options);
        run_section(*sections[number], plans[number], contents, shared, progress);
    });
    for (size_t number = 1; number < sections.size(); ++number)
        sections[0]->append(std::move(*sections[number]));
    VerifyReport report = sections[0]->take_report();
    report.end_instr = reader.end_instr();
    report.flaw = reader.flaw();
    return report;
}

}  // namespace

VerifyReport verify(TraceReader& reader, const VerifyOptions& options) {
    SharedProgress progress(options.progress);
    VerifyReport report = reader.seekable() ? verify_file(reader, options, progress)
                                            : verify_in_order(reader, options, progress);
    report.first_instr = reader.header().first_instr;
    if (report.not_compared.empty() && report.snapshots_compared == 0)
        report.not_compared =
            report.snapshots == 0 ? "the trace has no snapshots" : "the trace has only one snapshot";
    if (options.blame && reader.seekable())
        for (PageDifference& difference : report.differences)
            difference.last_write =
                find_last_write(reader, {difference.block, difference.offset, 1}, difference.to_instr).write;
    return report;
}

}  // namespace panda::trace
