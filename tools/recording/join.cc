#include <map>

#include "common/error.h"
#include "recorder/format/reader.h"
#include "recorder/format/writer.h"
#include "tools/recording/commands.h"

namespace panda::recording {
namespace {

using Maps = std::map<uint32_t, MemoryMap>;

Maps initial_maps(const RecordingReader& recording) {
    Maps maps;
    for (const MemoryMap& map : recording.initial_maps())
        maps[map.address_space] = map;
    return maps;
}

// Hashes of the snapshot, as a trailer has those of the end.
std::vector<uint64_t> snapshot_hashes(const RecordingReader& recording) {
    std::vector<uint64_t> hashes;
    std::vector<Bytes> blocks;
    for (const MemoryBlock& block : recording.blocks())
        blocks.emplace_back(block.size);
    recording.read_memory([&](uint32_t block, uint64_t offset, std::span<const std::byte> bytes) {
        std::copy(bytes.begin(), bytes.end(), blocks[block].begin() + static_cast<ptrdiff_t>(offset));
    });
    for (const Bytes& block : blocks)
        for (const uint64_t hash : hash_memory(block))
            hashes.push_back(hash);
    return hashes;
}

bool same_blocks(const RecordingReader& first, const RecordingReader& second) {
    const auto same = [](const MemoryBlock& a, const MemoryBlock& b) {
        return a.name == b.name && a.size == b.size;
    };
    return std::equal(first.blocks().begin(), first.blocks().end(), second.blocks().begin(),
                      second.blocks().end(), same);
}

void append(RecordingWriter& writer, const Entry& entry, const Position& position) {
    if (entry.kind == EntryKind::memory_map)
        writer.append_map(position, entry.map);
    else if (entry.kind != EntryKind::end)
        writer.append(entry.kind, position, entry.value, entry.value2, entry.data, entry.device);
}

// The part before: its snapshot and its log. Returns the maps that are in force at its end.
Maps copy_first(const RecordingReader& recording, RecordingWriter& writer) {
    for (const MemoryMap& map : recording.initial_maps())
        writer.write_map(map);
    if (!recording.devices().empty())
        writer.write_devices(recording.devices());
    writer.write_processor(recording.processor());
    recording.read_memory([&](uint32_t block, uint64_t offset, std::span<const std::byte> bytes) {
        writer.write_memory(block, offset, bytes);
    });
    writer.begin_log();
    Maps maps = initial_maps(recording);
    LogCursor log = recording.log();
    for (const Entry* entry = log.peek(); entry != nullptr; log.pop(), entry = log.peek()) {
        if (entry->kind == EntryKind::memory_map)
            maps[entry->map.address_space] = entry->map;
        append(writer, *entry, entry->position);
    }
    return maps;
}

}  // namespace

void join(const std::string& first_path, const std::string& second_path, const std::string& output,
          IfExists if_exists) {
    require_other_file(first_path, output);
    require_other_file(second_path, output);
    const RecordingReader first(first_path);
    const RecordingReader second(second_path);
    for (const RecordingReader* recording : {&first, &second})
        if (!recording->complete())
            throw FileError(recording->container().path(), "was cut short, so nothing can be joined to it");
    const std::string stranger = "does not begin where " + first_path + " ends: ";
    if (!same_blocks(first, second) || first.fact("cpu-model") != second.fact("cpu-model") ||
        first.devices() != second.devices())
        throw FileError(second_path, stranger + "it is of another machine");
    if (snapshot_hashes(second) != first.memory_hashes())
        throw FileError(second_path, stranger + "memory differs");
    Facts facts = first.facts();
    facts["cut"] = "joined";
    RecordingWriter writer(output, facts, first.blocks(), {.if_exists = if_exists});
    if (copy_first(first, writer) != initial_maps(second))
        throw FileError(second_path, stranger + "the memory map differs");
    // The second recording began with empty TLBs and the processor as it was saved, and so the joined one does there:
    // that is what a replay makes of this entry.
    const Position seam = first.last_position();
    writer.append(EntryKind::processor_write, seam, 0, 0, second.processor());
    LogCursor log = second.log();
    for (const Entry* entry = log.peek(); entry != nullptr; log.pop(), entry = log.peek()) {
        const bool at_seam = entry->position.instr == 0;
        append(writer, *entry,
               {seam.instr + entry->position.instr,
                entry->position.exceptions + (at_seam ? seam.exceptions : 0)});
    }
    const Position last = second.last_position();
    writer.finish({seam.instr + last.instr, last.exceptions + (last.instr == 0 ? seam.exceptions : 0)},
                  second.memory_hashes());
}

}  // namespace panda::recording
