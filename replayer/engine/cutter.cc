#include "replayer/engine/cutter.h"

#include <filesystem>

#include "recorder/engine/fingerprint.h"

namespace panda::engine {

using recording::Entry;
using recording::EntryKind;
using recording::Position;

Cutter::Cutter(const CutOptions& options, Replayer& replayer) : options_(options), replayer_(replayer) {
    const uint64_t last = replayer_.recording().last_position().instr;
    if (options_.from > last || options_.to.value_or(last) > last)
        throw Error("the recording ends at instr " + std::to_string(last));
    std::vector<recording::MemoryBlock> blocks = replayer_.recording().blocks();
    writer_ = std::make_unique<recording::RecordingWriter>(
        options_.file, facts(), blocks, recording::WriterOptions{.if_exists = options_.if_exists});
    replayer_.call_at(options_.from);
}

recording::Facts Cutter::facts() const {
    recording::Facts facts = replayer_.recording().facts();
    const std::string name =
        std::filesystem::path(replayer_.recording().container().path()).filename().string();
    std::string& cut = facts["cut"];
    cut = std::to_string(options_.from) + ":" + (options_.to ? std::to_string(*options_.to) : "") + " of " +
          name + (cut.empty() ? "" : ", " + cut);
    constexpr size_t longest = 1000;  // a part of a part of a part …
    if (cut.size() > longest)
        cut.resize(longest);
    return facts;
}

void Cutter::reached() {
    if (ended_)
        return;
    if (!begun_)
        begin();
    else
        end();
}

void Cutter::begin() {
    begun_ = true;
    first_ = replayer_.consumed();
    begin_ = replayer_.position();
    for (const auto& [space, map] : replayer_.memory_maps())
        writer_->write_map(map);
    if (!replayer_.recording().devices().empty())
        writer_->write_devices(replayer_.recording().devices());
    writer_->write_processor(replayer_.start_over());
    const auto& blocks = replayer_.recording().blocks();
    for (uint32_t block = 0; block < blocks.size(); ++block)
        writer_->write_memory(block, 0, replayer_.block_bytes(block));
    writer_->begin_log();
    if (options_.to)
        replayer_.call_at(*options_.to);
}

void Cutter::end() {
    ended_ = true;
    const auto moved = [this](const Position& position) {
        return Position{position.instr - begin_.instr,
                        position.exceptions - (position.instr == begin_.instr ? begin_.exceptions : 0)};
    };
    recording::LogCursor log = replayer_.recording().log();
    const uint64_t last = replayer_.consumed();
    for (uint64_t number = 0; number < last; ++number, log.pop()) {
        const Entry* const entry = log.peek();
        if (number < first_ || entry->kind == EntryKind::end)
            continue;
        if (entry->kind == EntryKind::memory_map)
            writer_->append_map(moved(entry->position), entry->map);
        else
            writer_->append(entry->kind, moved(entry->position), entry->value, entry->value2, entry->data,
                            entry->device);
    }
    const Position here = moved(replayer_.position());
    GlueProcessor processor;
    glue_processor(&processor);
    writer_->append(EntryKind::check, here, 0, 0, Fingerprint::of(processor).bytes());
    std::vector<uint64_t> hashes;
    for (uint32_t block = 0; block < replayer_.recording().blocks().size(); ++block) {
        const auto more = recording::hash_memory(replayer_.block_bytes(block));
        hashes.insert(hashes.end(), more.begin(), more.end());
    }
    writer_->finish(here, hashes);
    replayer_.stop();
}

void Cutter::finish() {
    if (!ended_ && begun_ && (!options_.to || replayer_.position().instr >= *options_.to))
        end();
    if (!ended_)
        throw Error("the replay ended before the part did");
}

}  // namespace panda::engine
