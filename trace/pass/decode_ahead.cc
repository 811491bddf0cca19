#include "trace/pass/decode_ahead.h"

#include <algorithm>
#include <utility>

namespace panda::trace {
namespace {

constexpr size_t max_batches = 64;  // of a chunk, before the analysis has come to them

}  // namespace

DecodeAhead::DecodeAhead(const BlockTable& blocks, const Options& options, Open open, Wanted wanted)
    : blocks_(blocks),
      options_(options),
      open_(std::move(open)),
      wanted_(std::move(wanted)),
      next_job_(options.first),
      next_chunk_(options.first),
      cursor_(blocks) {
    const size_t count = std::min<size_t>(options.threads, options.last - options.first);
    for (size_t i = 0; i < count; ++i)
        threads_.emplace_back([this] { work(); });
}

DecodeAhead::~DecodeAhead() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    for_decoders_.notify_all();
}

void DecodeAhead::work() {
    BatchDecoder decoder(blocks_);
    std::unique_lock lock(mutex_);
    for (;;) {
        for_decoders_.wait(lock, [this] {
            return ended_ || next_job_ == options_.last || next_job_ < next_chunk_ + options_.threads + 1;
        });
        if (ended_ || next_job_ == options_.last)
            return;
        const size_t number = next_job_++;
        const auto job = std::make_shared<Job>();
        jobs_[number] = job;
        lock.unlock();
        open_chunk(number, *job);
        if (job->wanted)
            decode(*job, decoder);
        lock.lock();
    }
}

void DecodeAhead::open_chunk(size_t number, Job& job) {
    std::optional<Chunk> chunk;
    bool wanted = false;
    std::exception_ptr failure;
    try {
        chunk = open_(number);
        wanted = wanted_(chunk->summary());
    } catch (...) {
        failure = std::current_exception();
    }
    const std::lock_guard lock(mutex_);
    job.chunk = std::move(chunk);
    job.wanted = wanted;
    job.failure = failure;
    for_analysis_.notify_one();
}

void DecodeAhead::decode(Job& job, BatchDecoder& decoder) {
    std::exception_ptr failure;
    try {
        decoder.start(*job.chunk, options_.columns);
    } catch (...) {
        failure = std::current_exception();
    }
    for (bool last = false; !last;) {
        std::unique_ptr<DecodedBatch> batch = free_batch();
        if (failure) {
            batch->failure = failure;
            batch->last = true;
        } else {
            decoder.fill(*batch);
        }
        last = batch->last;
        std::unique_lock lock(mutex_);
        for_decoders_.wait(lock, [&] { return ended_ || job.abandoned || job.batches.size() < max_batches; });
        if (ended_ || job.abandoned)
            return;
        job.batches.push_back(std::move(batch));
        for_analysis_.notify_one();
    }
}

std::unique_ptr<DecodedBatch> DecodeAhead::free_batch() {
    const std::lock_guard lock(mutex_);
    if (free_.empty())
        return std::make_unique<DecodedBatch>();
    std::unique_ptr<DecodedBatch> batch = std::move(free_.back());
    free_.pop_back();
    batch->clear();
    return batch;
}

DecodeAhead::Item DecodeAhead::next() {
    std::unique_lock lock(mutex_);
    if (current_) {
        current_->abandoned = true;
        jobs_.erase(next_chunk_ - 1);
    }
    const size_t number = next_chunk_++;
    for_decoders_.notify_all();
    for_analysis_.wait(lock, [&] {
        const auto found = jobs_.find(number);
        return found != jobs_.end() && (found->second->chunk || found->second->failure);
    });
    current_ = jobs_[number];
    if (current_->failure)
        std::rethrow_exception(current_->failure);
    const Chunk& chunk = *current_->chunk;
    if (!current_->wanted)
        return {chunk, nullptr};
    cursor_.start(chunk.summary().first_instr, [this]() -> const DecodedBatch& { return next_batch(); });
    return {chunk, &cursor_};
}

const DecodedBatch& DecodeAhead::next_batch() {
    std::unique_lock lock(mutex_);
    if (current_batch_)
        free_.push_back(std::move(current_batch_));
    for_analysis_.wait(lock, [this] { return !current_->batches.empty(); });
    if (current_->batches.size() == max_batches)
        for_decoders_.notify_all();
    current_batch_ = std::move(current_->batches.front());
    current_->batches.pop_front();
    return *current_batch_;
}

}  // namespace panda::trace
