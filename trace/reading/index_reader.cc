#include "trace/reading/index_reader.h"

#include <algorithm>
#include <functional>

#include "trace/format/schema_values.h"
#include "trace/limits.h"

namespace panda::trace {
namespace {

constexpr size_t locator_bytes = 16;

// Offset of the end message, if the file's last bytes name one.
std::optional<uint64_t> find_end(std::span<const std::byte> file) {
    if (file.size() < locator_bytes)
        return std::nullopt;
    ByteReader locator(file.last(locator_bytes));
    const auto offset = locator.get<uint64_t>();
    if (locator.get<uint64_t>() != end_magic)
        return std::nullopt;
    return offset;
}

void append_index(Contents& contents, schema::Index::Reader index) {
    for (const auto entry : index.getChunks())
        contents.chunks.push_back({entry.getOffset(), entry.getFirstInstr(), entry.getInstrCount(),
                                   entry.getBlockCount(), entry.getEventCount()});
    for (const auto entry : index.getDefinitions())
        contents.definitions.push_back({entry.getOffset(), entry.getFirstId(), entry.getCount()});
    for (const uint64_t offset : index.getMemoryMaps())
        contents.memory_maps.push_back(offset);
    for (const auto entry : index.getSnapshots())
        contents.snapshots.push_back(
            {entry.getOffset(), entry.getInstr(), get_snapshot_kind(entry.getKind())});
}

// Adds a message that is not part of a snapshot.
void append_message(FileContents& found, schema::Message::Reader message, uint64_t offset) {
    Contents& contents = found.contents;
    if (message.isDefinitions()) {
        const auto definitions = message.getDefinitions();
        contents.definitions.push_back({offset, definitions.getFirstId(), definitions.getCount()});
    } else if (message.isMemoryMap()) {
        contents.memory_maps.push_back(offset);
    } else if (message.isChunk()) {
        const auto chunk = message.getChunk();
        contents.chunks.push_back({offset, chunk.getFirstInstr(), chunk.getInstrCount(),
                                   chunk.getBlockCount(), chunk.getEventCount()});
        found.end_instr = chunk.getFirstInstr() + chunk.getInstrCount();
    }
}

}  // namespace

std::optional<FileContents> read_index(const MappedSource& source) {
    const auto offset = find_end(source.bytes());
    if (!offset)
        return std::nullopt;
    const MessageView end(source.at(*offset), source.path());
    FileContents found;
    std::vector<uint64_t> parts;
    end.parse([&](schema::Message::Reader message) {
        if (!message.isEnd())
            throw Error("should be the end of the trace, but is not");
        found.end_instr = message.getEnd().getInstrEnd();
        for (const uint64_t part : message.getEnd().getIndexes())
            parts.push_back(part);
    });
    // They must ascend, so that no part is read twice.
    if (std::adjacent_find(parts.begin(), parts.end(), std::greater_equal<>()) != parts.end())
        throw FileError(source.path(), "the index names its parts out of order");
    for (const uint64_t part : parts) {
        const MessageView view(source.at(part), source.path());
        view.parse([&](schema::Message::Reader message) {
            if (!message.isIndex())
                throw Error("should be a part of the index, but is not");
            append_index(found.contents, message.getIndex());
        });
    }
    return found;
}

FileContents scan(const MappedSource& whole_file, uint64_t first_instr) {
    MappedSource source(whole_file);
    source.seek(0);
    FileContents found;
    found.end_instr = first_instr;
    std::optional<SnapshotEntry> open_snapshot;
    bool ended = false;
    source.next();  // the header
    while (const auto frame = source.next()) {
        const MessageView view(*frame, source.path());
        view.parse([&](schema::Message::Reader message) {
            if (message.isSnapshot()) {
                const auto snapshot = message.getSnapshot();
                open_snapshot = {frame->offset, snapshot.getInstr(), get_snapshot_kind(snapshot.getKind())};
            } else if (message.isSnapshotEnd() && open_snapshot) {
                found.contents.snapshots.push_back(*open_snapshot);
                open_snapshot.reset();
            } else {
                append_message(found, message, frame->offset);
            }
            if (message.isEnd())
                found.end_instr = message.getEnd().getInstrEnd();
            ended = message.isEnd();
        });
    }
    if (!ended)
        found.flaw = describe_flaw(source);
    return found;
}

std::string describe_flaw(const MessageSource& source) {
    if (!source.cut_short().empty())
        return "the trace was cut short: " + source.cut_short();
    return "the trace was cut short: it has no end message";
}

}  // namespace panda::trace
