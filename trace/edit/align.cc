#include "trace/edit/align.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <unordered_map>

namespace panda::trace {
namespace {

// The executions of a trace, one after another, as far ahead as is asked for.
class Stream {
  public:
    Stream(TraceReader& reader, const NumberRange& range, bool user_only)
        : reader_(reader), cursor_(reader.blocks()), range_(range), user_only_(user_only) {}

    // The execution number `index` from here on; null if there are not so many.
    const AlignedBlock* at(size_t index) {
        while (ahead_.size() <= index && read_one()) {
        }
        return index < ahead_.size() ? &ahead_[index] : nullptr;
    }
    void drop(size_t count) { ahead_.erase(ahead_.begin(), ahead_.begin() + static_cast<ptrdiff_t>(count)); }
    std::vector<AlignedBlock> first(size_t count) {
        if (count != 0)
            at(count - 1);
        count = std::min(count, ahead_.size());
        return {ahead_.begin(), ahead_.begin() + static_cast<ptrdiff_t>(count)};
    }

  private:
    bool next_chunk() {
        while (auto item = reader_.next()) {
            if (auto* const chunk = std::get_if<Chunk>(&*item)) {
                const ChunkSummary& summary = chunk->summary();
                if (summary.first_instr >= range_.to)
                    return false;
                if (summary.first_instr + summary.instr_count <= range_.from)
                    continue;
                chunk_ = std::move(*chunk);
                cursor_.start(*chunk_);
                return true;
            }
        }
        reader_.require_whole();
        return false;
    }
    // Reads on to the next execution that counts.
    bool read_one() {
        while (!ended_) {
            if (!chunk_ && !next_chunk()) {
                ended_ = true;
                break;
            }
            const ChunkCursor::Step step = cursor_.next();
            if (step == ChunkCursor::Step::end)
                chunk_.reset();
            if (step != ChunkCursor::Step::block)
                continue;
            const BlockExecution& block = cursor_.block();
            if (block.instr >= range_.to) {
                ended_ = true;
                break;
            }
            constexpr uint64_t privilege_mask = 3;  // HF_CPL_MASK in QEMU's target/i386/cpu.h
            const BlockView view = reader_.blocks()[block.id];
            const bool user = (view.flags & privilege_mask) == 3;
            if (block.instr < range_.from || (user_only_ && !user))
                continue;
            ahead_.push_back({block.instr, view.pc, block.executed, user});
            return true;
        }
        return false;
    }

    TraceReader& reader_;
    ChunkCursor cursor_;
    NumberRange range_;
    bool user_only_;
    std::optional<Chunk> chunk_;
    std::deque<AlignedBlock> ahead_;
    bool ended_ = false;
};

uint64_t mixed(uint64_t hash, const AlignedBlock& block) {
    return (hash ^ block.pc ^ uint64_t{block.executed} << 48) * 0x9e37'79b9'7f4a'7c15 + (hash >> 29);
}

struct Meeting {
    size_t first = 0;
    size_t second = 0;
};

class Aligner {
  public:
    Aligner(Stream& first, Stream& second, const AlignOptions& options)
        : first_(first), second_(second), options_(options) {}

    // Where both go on alike, with the fewest executions of both before it.
    std::optional<Meeting> find_meeting() {
        const std::vector<AlignedBlock> a = first_.first(options_.window);
        const std::vector<AlignedBlock> b = second_.first(options_.window);
        if (a.size() < options_.run || b.size() < options_.run)
            return std::nullopt;
        std::unordered_map<uint64_t, size_t> places;  // the first one of each run
        for (size_t i = 0; i + options_.run <= a.size(); ++i)
            places.try_emplace(hash_of(a, i), i);
        std::optional<Meeting> best;
        for (size_t i = 0; i + options_.run <= b.size() && (!best || i < best->first + best->second); ++i) {
            const auto found = places.find(hash_of(b, i));
            if (found == places.end() || !alike(a, found->second, b, i))
                continue;
            if (!best || found->second + i < best->first + best->second)
                best = Meeting{found->second, i};
        }
        return best;
    }

  private:
    uint64_t hash_of(const std::vector<AlignedBlock>& blocks, size_t start) const {
        uint64_t hash = 0;
        for (size_t i = start; i < start + options_.run; ++i)
            hash = mixed(hash, blocks[i]);
        return hash;
    }
    bool alike(const std::vector<AlignedBlock>& a, size_t i, const std::vector<AlignedBlock>& b,
               size_t j) const {
        for (unsigned k = 0; k < options_.run; ++k)
            if (!a[i + k].same_as(b[j + k]))
                return false;
        return true;
    }

    Stream& first_;
    Stream& second_;
    const AlignOptions& options_;
};

}  // namespace

Alignment align(TraceReader& first_reader, TraceReader& second_reader, const AlignOptions& options,
                const std::function<bool(const TraceDifference&)>& tell) {
    Stream first(first_reader, options.first_range, options.user_only);
    Stream second(second_reader, options.second_range, options.user_only);
    Aligner aligner(first, second, options);
    Alignment result;
    std::deque<AlignedBlock> before;
    uint64_t common = 0;
    while (true) {
        const AlignedBlock* const a = first.at(0);
        const AlignedBlock* const b = second.at(0);
        if (a == nullptr && b == nullptr)
            return result;
        if (a != nullptr && b != nullptr && a->same_as(*b)) {
            before.push_back(*a);
            if (before.size() > options.context)
                before.pop_front();
            ++common;
            ++result.common;
            result.common_instructions += a->executed;
            first.drop(1);
            second.drop(1);
            continue;
        }
        const auto meeting = aligner.find_meeting();
        TraceDifference difference;
        difference.before.assign(before.begin(), before.end());
        difference.common = common;
        difference.meets = meeting.has_value();
        difference.first = first.first(meeting ? meeting->first : options.context + 1);
        difference.second = second.first(meeting ? meeting->second : options.context + 1);
        ++result.differences;
        common = 0;
        if (!meeting)
            result.complete = false;
        if (!tell(difference) || !meeting)
            return result;
        first.drop(meeting->first);
        second.drop(meeting->second);
    }
}

}  // namespace panda::trace
