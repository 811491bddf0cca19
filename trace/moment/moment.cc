#include "trace/moment/moment.h"

#include "trace/moment/memory_at.h"
#include "trace/pass/memory_follower.h"
#include "trace/reading/chunk_walk.h"
#include "trace/reading/in_chunk.h"
#include "trace/reading/until_instr.h"

namespace panda::trace {
namespace {

// Memory that is kept current along a trace. It is not known before the first snapshot, between a gap and the
// next snapshot, and where the trace does not have the values of stores.
class PipeMemory {
  public:
    explicit PipeMemory(const TraceReader& reader)
        : reader_(reader),
          snapshots_(reader.header()),
          follower_(std::make_unique<MemoryFollower>(reader.header(), reader.memory_maps())),
          cpu_(reader.blocks()) {}

    // Starts from a snapshot of a file.
    void start(const GuestMemory& memory, const Snapshot& snapshot) {
        follower_->restore(memory);
        cpu_.start(snapshot.cpu);
        instr_ = snapshot.instr;
        known_ = true;
    }

    // Takes a snapshot of a pipe.
    void take(const Snapshot& snapshot) {
        snapshots_.apply(snapshot);
        instr_ = snapshot.instr;
        if (known_)
            return;
        follower_->restore(snapshots_);
        cpu_.start(snapshot.cpu);
        known_ = true;
    }

    // Goes through a chunk, up to the instr. Returns true when the instr is reached inside the chunk.
    bool take(const Chunk& chunk, uint64_t instr) {
        known_ = known_ && chunk.summary().memory == MemoryColumns::values;
        if (!known_)
            return false;
        return in_chunk(reader_.path(), chunk, [&] {
            follower_->start(chunk);
            cpu_.start(chunk.summary());
            UntilInstr visitor(instr, cpu_, *this);
            walk_.go<CursorColumns::memory>(chunk, visitor);
            follower_->require_nothing_lost();
            instr_ = chunk.summary().first_instr + chunk.summary().instr_count;
            return visitor.done();
        });
    }

    // For UntilInstr.
    void apply(std::span<const Access> accesses) { follower_->apply(accesses); }
    void apply(const Event& event) {
        known_ = known_ && !std::holds_alternative<Gap>(event.detail);
        follower_->apply(event);
    }

    bool known() const { return known_; }
    uint64_t instr() const { return instr_; }
    CpuState cpu() const { return cpu_.cpu(); }
    std::unique_ptr<MappedMemory> release() { return std::move(follower_); }

  private:
    const TraceReader& reader_;
    GuestMemory snapshots_;
    std::unique_ptr<MemoryFollower> follower_;
    CpuTracker cpu_;
    ChunkWalk walk_{reader_.blocks()};
    bool known_ = false;
    uint64_t instr_ = 0;  // where the last chunk or snapshot ended
};

// The end of a trace that was cut short is not the end of the recording, so nobody is told that it is.
std::string end_unknown(const std::string& flaw, uint64_t end) {
    return flaw + "; what is whole of it ends at instr " + std::to_string(end);
}

}  // namespace

Moment::Moment(TraceReader& reader, std::optional<uint64_t> instr, MomentReads reads,
               const std::function<void(uint64_t)>& progress) {
    if (!reader.seekable()) {
        read_through(reader, instr, progress);
        return;
    }
    if (!instr && !reader.flaw().empty())
        throw FileError(reader.path(), end_unknown(reader.flaw(), reader.end_instr()));
    instr_ = instr.value_or(reader.end_instr());
    if (reads == MomentReads::most) {
        go_from_snapshot(reader, instr_);
        return;
    }
    auto memory = std::make_unique<MemoryAt>(reader, instr_);
    cpu_ = memory->cpu();
    memory_ = std::move(memory);
}

Moment::~Moment() = default;

void Moment::go_from_snapshot(TraceReader& reader, uint64_t instr) {
    const MemorySource source = require_memory_at(reader, instr);
    reader.load_blocks();
    PipeMemory memory(reader);
    memory.start(reader.memory_at(source.snapshot), reader.snapshot(source.snapshot));
    if (memory.instr() != instr)
        for (size_t number = source.first_chunk; number < source.last_chunk; ++number)
            if (memory.take(reader.chunk(number), instr))
                break;
    cpu_ = memory.cpu();
    memory_ = memory.release();
    if (!memory.known())
        throw FileError(reader.path(), "does not say what guest memory is at instr " + std::to_string(instr));
}

void Moment::read_through(TraceReader& reader, std::optional<uint64_t> instr,
                          const std::function<void(uint64_t)>& progress) {
    PipeMemory memory(reader);
    bool reached = false;
    uint64_t end = reader.header().first_instr;
    while (!reached) {
        const auto item = reader.next();
        if (!item) {
            if (!reader.flaw().empty())
                throw FileError(reader.path(), end_unknown(reader.flaw(), end));
            break;
        }
        if (const auto* snapshot = std::get_if<Snapshot>(&*item)) {
            memory.take(*snapshot);
            reached = instr && snapshot->instr == *instr;
            continue;
        }
        const auto& chunk = std::get<Chunk>(*item);
        end = chunk.summary().first_instr + chunk.summary().instr_count;
        reached = memory.take(chunk, instr.value_or(~uint64_t{0}));
        if (!reached && instr && end > *instr)
            break;  // the instr went by where memory is not known
        if (progress)
            progress(end - reader.header().first_instr);
    }
    if (instr && end < *instr)
        throw FileError(reader.path(),
                        "ends at instr " + std::to_string(end) + ", before instr " + std::to_string(*instr));
    if (!memory.known() || (!reached && !instr && memory.instr() != end))
        throw FileError(reader.path(),
                        "does not say what guest memory is at " +
                            (instr ? "instr " + std::to_string(*instr) : std::string("its end")));
    instr_ = instr.value_or(end);
    cpu_ = memory.cpu();
    memory_ = memory.release();
}

}  // namespace panda::trace
