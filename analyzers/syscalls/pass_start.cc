#include "analyzers/syscalls/pass_start.h"

#include <algorithm>
#include <map>
#include <optional>

#include "trace/event.h"

namespace panda::syscalls {
namespace {

bool shows_programs(const trace::Chunk& chunk) {
    const std::map<uint32_t, uint64_t> events = chunk.count_events();
    return events.count(trace::event_kind(trace::SystemCall{})) != 0 ||
           events.count(trace::event_kind(trace::SystemReturn{})) != 0;
}

// The first instruction of the first chunk in which programs run.
std::optional<uint64_t> first_shown(trace::TraceReader& reader) {
    const trace::Contents& contents = reader.contents();
    for (size_t i = 0; i < contents.chunks.size(); ++i)
        if (contents.chunks[i].event_count != 0 && shows_programs(reader.chunk(i)))
            return contents.chunks[i].first_instr;
    return std::nullopt;
}

// Whether a task already has a program at the snapshot; it need not have run yet.
bool has_programs(trace::TraceReader& reader, size_t snapshot, const LinuxGuest::Open& open) {
    const trace::GuestMemory memory = reader.memory_at(snapshot);
    LinuxGuest guest(memory, open);
    guest.set_cpu(reader.snapshot(snapshot).cpu);
    guest.find_kernel();
    bool found = false;
    guest.visit_tasks([&found](const Task&, const std::optional<InterruptedProgram>&) { found = true; });
    return found;
}

}  // namespace

size_t snapshot_before_programs(trace::TraceReader& reader, const LinuxGuest::Open& open) {
    if (!reader.seekable() || !reader.has_index())
        return 0;
    const std::optional<uint64_t> shown = first_shown(reader);
    const size_t snapshots = reader.contents().snapshots_up_to(shown.value_or(~uint64_t{0}));
    size_t number = std::max<size_t>(snapshots, 1) - 1;
    // A program's first instruction comes right after its exec, so one step back is enough in a boot.
    for (int attempt = 0; attempt < 2 && number > 0; ++attempt, --number)
        if (!has_programs(reader, number, open))
            return number;
    return 0;
}

}  // namespace panda::syscalls
