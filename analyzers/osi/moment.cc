#include "analyzers/osi/moment.h"

#include "common/error.h"

namespace panda::analyze_osi {
namespace {

// Instrs of the snapshots, for messages.
std::string list_of(const std::vector<trace::SnapshotEntry>& snapshots) {
    std::string text;
    for (size_t i = 0; i < snapshots.size() && i < 20; ++i)
        text += (i == 0 ? "" : ", ") + std::to_string(snapshots[i].instr);
    return snapshots.size() > 20 ? text + ", …" : text;
}

}  // namespace

Moment::Moment(const std::string& path, std::optional<uint64_t> instr) : path_(path) {
    trace::TraceReader reader(path);
    if (reader.seekable())
        seek(reader, instr);
    else
        read_through(reader, instr);
}

void Moment::seek(trace::TraceReader& reader, std::optional<uint64_t> instr) {
    const auto& snapshots = reader.contents().snapshots;
    if (snapshots.empty())
        throw FileError(reader.path(), "the trace has no snapshot, so guest memory is unknown");
    const uint64_t wanted = instr.value_or(reader.end_instr());
    size_t number = snapshots.size();
    while (number > 0 && snapshots[number - 1].instr != wanted)
        --number;
    if (number == 0) {
        const std::string flaw = reader.whole() ? "" : " (" + reader.flaw() + ")";
        throw FileError(reader.path(), "no snapshot at instr " + std::to_string(wanted) + flaw +
                                           "; there are some at: " + list_of(snapshots));
    }
    const trace::Snapshot snapshot = reader.snapshot(number - 1);
    cpu_ = snapshot.cpu;
    instr_ = snapshot.instr;
    memory_.emplace(reader.memory_at(number - 1));
    for (; number < snapshots.size(); ++number)
        later_.push_back(snapshots[number].instr);
}

void Moment::read_through(trace::TraceReader& reader, std::optional<uint64_t> instr) {
    bool at_moment = false;
    memory_.emplace(reader.header());
    while (auto item = reader.next()) {
        const auto* snapshot = std::get_if<trace::Snapshot>(&*item);
        if (snapshot == nullptr) {
            at_moment = false;  // the end is not where the last snapshot was
            continue;
        }
        memory_->apply(*snapshot);
        cpu_ = snapshot->cpu;
        instr_ = snapshot->instr;
        at_moment = !instr || *instr == instr_;
        if (instr && at_moment)
            return;
    }
    reader.require_whole();
    if (!at_moment)
        throw FileError(reader.path(), instr ? "no snapshot at instr " + std::to_string(*instr)
                                             : std::string("the trace does not end with a snapshot"));
}

}  // namespace panda::analyze_osi
