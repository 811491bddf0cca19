// The batches of a trace. The tracer takes empty ones and fills them; the threads that encode them give them
// back.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "replayer/engine/trace_batch.h"

namespace panda::engine {

class BatchPool {
  public:
    // count: the most batches that there may be. They are made when they are needed.
    explicit BatchPool(size_t count) : left_(count) {}

    // Returns an empty batch, and waits for one if there is none. Only one thread may call this.
    std::unique_ptr<Batch> take() {
        std::unique_lock lock(mutex_);
        if (spare_.empty() && left_ > 0) {
            --left_;
            return std::make_unique<Batch>();
        }
        returned_.wait(lock, [this] { return !spare_.empty(); });
        auto batch = std::move(spare_.back());
        spare_.pop_back();
        return batch;
    }
    // Empties a batch and puts it back. Any thread may call this.
    void give_back(std::unique_ptr<Batch> batch) {
        batch->clear();
        {
            const std::lock_guard lock(mutex_);
            spare_.push_back(std::move(batch));
        }
        returned_.notify_one();
    }

  private:
    std::mutex mutex_;
    std::condition_variable returned_;
    std::vector<std::unique_ptr<Batch>> spare_;
    size_t left_;  // how many may still be made
};

}  // namespace panda::engine
