// Notices that a thread works and gets nowhere.
#pragma once

#include <time.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>

namespace panda::engine {

// Watches the thread that makes it, from a thread of its own, until it is destroyed. Waiting is not a stall: a
// replay may wait for the program that reads its trace. So what counts is the processor time of the watched thread.
class StallWatch {
  public:
    // progress: a number that changes as the watched thread gets on; it must outlive this. limit: the processor
    // time without a change that is a stall. stalled: is called once then, on the watching thread.
    // Throws Error when the thread's clock is not to be had.
    StallWatch(const std::atomic<uint64_t>& progress, std::chrono::milliseconds limit,
               std::function<void()> stalled);
    ~StallWatch();
    StallWatch(const StallWatch&) = delete;
    StallWatch& operator=(const StallWatch&) = delete;

  private:
    void watch();
    std::chrono::nanoseconds processor_time() const;

    const std::atomic<uint64_t>& progress_;
    const std::chrono::milliseconds limit_;
    const std::function<void()> stalled_;
    clockid_t clock_ = 0;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stop_ = false;
    std::thread thread_;  // last: it uses the others
};

}  // namespace panda::engine
