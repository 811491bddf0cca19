#include <utility>

#include "recorder/format/reader.h"

namespace panda::recording {

LogCursor::LogCursor(const RecordingReader& recording, std::span<const ChunkPlace> chunks, Bytes constants)
    : recording_(&recording),
      chunks_(chunks),
      constants_(std::move(constants)),
      helper_(std::make_unique<WorkerPool>(1)) {
    prefetch();
}

const Entry* LogCursor::peek() {
    while (!have_entry_) {
        if (!decoder_ && !next_chunk()) {
            check_end();
            return nullptr;
        }
        try {
            have_entry_ = decoder_->next(entry_);
        } catch (const Error& error) {
            recording_->chunks_.fail(*chunk_, error.what());
        }
        if (!have_entry_) {
            decoder_.reset();
            continue;
        }
        if (ended_)
            recording_->chunks_.fail(*chunk_, "entries follow the end of the log");
        ended_ = entry_.kind == EntryKind::end;
        last_ = entry_.position;
    }
    return &entry_;
}

void LogCursor::prefetch() {
    if (prefetched_ == chunks_.size())
        return;
    const ChunkPlace* chunk = &chunks_[prefetched_++];
    // Moving the cursor leaves the constants where they are.
    next_ =
        helper_->submit([recording = recording_, chunk, constants = std::span<const std::byte>(constants_)] {
            return recording->read_log(*chunk, constants);
        });
}

bool LogCursor::next_chunk() {
    if (!next_.valid())
        return false;
    chunk_ = &chunks_[prefetched_ - 1];
    decoder_.emplace(next_.get());
    prefetch();
    if (decoder_->first() < last_)
        recording_->chunks_.fail(*chunk_, "it starts before the end of the chunk before it");
    return true;
}

void LogCursor::check_end() const {
    if (!recording_->complete())
        return;
    if (!ended_ || last_ != recording_->last_position())
        throw FileError(recording_->chunks_.path(), "the log does not end where the trailer says");
}

}  // namespace panda::recording
