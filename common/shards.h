// Work that is divided into shards: run on several threads, and counted as it goes by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>

namespace panda {

// Runs work(shard number) for each of `count` shards on at most `threads` threads, one of which is the
// caller's. Returns when all have ended. Each shard runs once, and shards start in ascending order. After a
// failure no new shard starts, and the first failure is thrown.
void run_shards(size_t count, unsigned threads, const std::function<void(size_t)>& work);

// Adds up what the threads of one piece of work have done, for a progress bar.
class SharedProgress {
  public:
    // report: gets the sum so far after each add(), one call at a time, on the thread that added. May be
    // empty.
    explicit SharedProgress(std::function<void(uint64_t)> report) : report_(std::move(report)) {}

    // instructions: done since the last call. May be called from any thread.
    void add(uint64_t instructions);

  private:
    std::mutex mutex_;
    std::function<void(uint64_t)> report_;
    uint64_t done_ = 0;
};

}  // namespace panda
