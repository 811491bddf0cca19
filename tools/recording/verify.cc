#include "common/progress.h"
#include "recorder/format/reader.h"
#include "tools/recording/commands.h"

namespace panda::recording {
namespace {

// Reads the whole log. The cursor itself checks the order and the end.
std::array<uint64_t, entry_kinds> count_entries(const RecordingReader& recording, Progress& progress) {
    std::array<uint64_t, entry_kinds> counts{};
    LogCursor log = recording.log();
    for (const Entry* entry = log.peek(); entry != nullptr; entry = log.peek()) {
        const uint64_t count = ++counts[static_cast<size_t>(entry->kind)];
        if (count % 4096 == 0)
            progress.update(entry->position.instr);
        log.pop();
    }
    return counts;
}

}  // namespace

void verify(const std::string& path, bool quiet, std::ostream& out) {
    const RecordingReader recording(path);
    const uint64_t instr = recording.last_position().instr;
    Progress progress("verifying", instr, quiet);
    recording.read_memory([](uint32_t, uint64_t, std::span<const std::byte>) {});
    const auto counts = count_entries(recording, progress);
    progress.finish();

    const size_t chunks = recording.container().chunks().size();
    if (!recording.complete())
        throw FileError(path, "cut short after chunk " + std::to_string(chunks - 1) +
                                  ": undamaged up to there, it replays up to instr " + std::to_string(instr));
    const Statistics statistics = recording.statistics();
    for (unsigned kind = 0; kind < entry_kinds; ++kind)
        if (counts[kind] != statistics.kinds[kind].entries)
            throw FileError(path, std::string("the log holds ") + std::to_string(counts[kind]) +
                                      " entries of kind " + entry_kind_name(static_cast<EntryKind>(kind)) +
                                      ", the trailer says " + std::to_string(statistics.kinds[kind].entries));
    if (!quiet)
        out << path << ": " << instr << " instr, " << chunks << " chunks, whole\n";
}

}  // namespace panda::recording
