#include "trace/reading/decoded_batch.h"

#include <utility>

namespace panda::trace {
namespace {

// A batch is full when it has so many of either.
constexpr size_t enough_executions = size_t{1} << 14;
constexpr size_t enough_accesses = size_t{1} << 15;

bool is_full(const DecodedBatch& batch) {
    return batch.ids.size() >= enough_executions || batch.accesses.size() >= enough_accesses ||
           batch.steps.size() >= enough_executions;
}

void append(std::vector<uint32_t>& to, const uint32_t* from, size_t count) {
    to.insert(to.end(), from, from + count);
}

}  // namespace

void DecodedBatch::clear() {
    steps.clear();
    ids.clear();
    accesses.clear();
    begins.clear();
    store_begins.clear();
    stores.clear();
    events.clear();
    last = false;
    failure = nullptr;
}

void BatchDecoder::start(const Chunk& chunk, CursorColumns columns) {
    cursor_.start(chunk, columns);
    with_memory_ = columns != CursorColumns::blocks;
}

void BatchDecoder::fill(DecodedBatch& batch) {
    try {
        while (!is_full(batch)) {
            if (with_memory_) {
                if (const ChunkCursor::NextGroup group = cursor_.next_group(); group.count != 0) {
                    take_group(batch, group);
                    continue;
                }
            } else {
                fill_with_blocks(batch);
            }
            if (!take_next(batch)) {
                batch.last = true;
                return;
            }
        }
    } catch (...) {
        batch.failure = std::current_exception();
        batch.last = true;
    }
}

// Whole executions, without memory, as a group in which none accesses anything.
void BatchDecoder::fill_with_blocks(DecodedBatch& batch) {
    const size_t before = batch.ids.size();
    cursor_.next_whole_blocks([&](const BlockExecution& block) {
        batch.ids.push_back(block.id);
        return false;
    });
    const size_t count = batch.ids.size() - before;
    if (count == 0)
        return;
    batch.steps.push_back({.kind = DecodedBatch::Kind::group,
                           .count = static_cast<uint32_t>(count),
                           .begins = batch.begins.size()});
    batch.begins.resize(batch.begins.size() + count + 1);
    batch.store_begins.resize(batch.begins.size());
}

void BatchDecoder::take_group(DecodedBatch& batch, const ChunkCursor::NextGroup& group) {
    const Access* accesses = group.accesses[0].data();
    // Entries count from the start of the group, which may be before the executions that are left of it.
    const size_t executions = size_t{group.first} + group.count;
    const size_t access_count = static_cast<size_t>(group.accesses[executions - 1].data() - accesses) +
                                group.accesses[executions - 1].size();
    batch.steps.push_back({.kind = DecodedBatch::Kind::group,
                           .numbers_stores = group.numbers_stores,
                           .count = group.count,
                           .accesses = batch.accesses.size(),
                           .begins = batch.begins.size() + group.first,
                           .stores = batch.stores.size()});
    batch.accesses.insert(batch.accesses.end(), accesses, accesses + access_count);
    append(batch.begins, group.accesses.begins(), executions + 1);
    if (group.numbers_stores) {
        append(batch.store_begins, group.accesses.store_begins(), executions + 1);
        append(batch.stores, group.accesses.stores(), group.accesses.stores_before(executions));
    } else {
        batch.store_begins.resize(batch.begins.size());
    }
    cursor_.take_group(group, [&](const BlockExecution& block, std::span<const Access>) {
        batch.ids.push_back(block.id);
        return false;
    });
}

// Takes a single execution or an event. Returns false at the chunk's end.
bool BatchDecoder::take_next(DecodedBatch& batch) {
    switch (cursor_.next()) {
        case ChunkCursor::Step::end:
            return false;
        case ChunkCursor::Step::event:
            batch.steps.push_back({.kind = DecodedBatch::Kind::event});
            batch.events.push_back(cursor_.event());
            return true;
        case ChunkCursor::Step::block:
            break;
    }
    const std::span<const Access> accesses = with_memory_ ? cursor_.accesses() : std::span<const Access>();
    batch.steps.push_back({.kind = DecodedBatch::Kind::block,
                           .executed = cursor_.block().executed,
                           .count = static_cast<uint32_t>(accesses.size()),
                           .accesses = batch.accesses.size()});
    batch.accesses.insert(batch.accesses.end(), accesses.begin(), accesses.end());
    batch.ids.push_back(cursor_.block().id);
    return true;
}

void BatchCursor::start(uint64_t first_instr, Next next) {
    next_ = std::move(next);
    batch_ = nullptr;
    step_ = id_ = event_at_ = 0;
    taken_ = 0;
    instr_ = first_instr;
}

// Makes sure that there is a current step. Returns false at the chunk's end.
bool BatchCursor::find_step() {
    while (batch_ == nullptr || step_ == batch_->steps.size()) {
        if (batch_ != nullptr && batch_->failure)
            std::rethrow_exception(batch_->failure);
        if (batch_ != nullptr && batch_->last)
            return false;
        batch_ = &next_();
        step_ = id_ = event_at_ = 0;
        taken_ = 0;
    }
    return true;
}

BatchCursor::NextGroup BatchCursor::next_group() {
    if (!find_step() || batch_->steps[step_].kind != DecodedBatch::Kind::group)
        return {{nullptr, nullptr, nullptr, nullptr}, 0, 0, false};
    const DecodedBatch::Step& step = batch_->steps[step_];
    return {batch_->group(step), taken_, step.count - taken_, step.numbers_stores};
}

void BatchCursor::pass_by(uint32_t count) {
    id_ += count;
    taken_ += count;
    if (taken_ == batch_->steps[step_].count) {
        ++step_;
        taken_ = 0;
    }
}

BatchCursor::Step BatchCursor::next() {
    if (!find_step())
        return Step::end;
    const DecodedBatch::Step& step = batch_->steps[step_];
    if (step.kind == DecodedBatch::Kind::event) {
        event_ = &batch_->events[event_at_++];
        if (const auto* gap = std::get_if<Gap>(&event_->detail))
            instr_ += gap->instructions;
        ++step_;
        return Step::event;
    }
    const uint32_t id = batch_->ids[id_];
    if (step.kind == DecodedBatch::Kind::group) {
        block_ = {id, blocks_.instruction_count(id), instr_};
        accesses_ = batch_->group(step)[taken_];
        pass_by(1);
    } else {
        block_ = {id, step.executed, instr_};
        accesses_ = {batch_->accesses.data() + step.accesses, step.count};
        ++id_;
        ++step_;
    }
    instr_ += block_.executed;
    return Step::block;
}

}  // namespace panda::trace
