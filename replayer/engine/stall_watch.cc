#include "replayer/engine/stall_watch.h"

#include <pthread.h>

#include <algorithm>
#include <utility>

#include "common/error.h"

namespace panda::engine {

StallWatch::StallWatch(const std::atomic<uint64_t>& progress, std::chrono::milliseconds limit,
                       std::function<void()> stalled)
    : progress_(progress), limit_(limit), stalled_(std::move(stalled)) {
    if (const int problem = ::pthread_getcpuclockid(::pthread_self(), &clock_); problem != 0)
        throw Error("cannot watch the replay: " + errno_text(problem));
    thread_ = std::thread([this] { watch(); });
}

StallWatch::~StallWatch() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

std::chrono::nanoseconds StallWatch::processor_time() const {
    timespec time{};
    ::clock_gettime(clock_, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

void StallWatch::watch() {
    const auto pause = std::max(limit_ / 10, std::chrono::milliseconds(1));
    uint64_t last = progress_.load(std::memory_order_relaxed);
    auto since = processor_time();
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, pause, [this] { return stop_; })) {
        const uint64_t now = progress_.load(std::memory_order_relaxed);
        const auto time = processor_time();
        if (now != std::exchange(last, now)) {
            since = time;
        } else if (time - since >= limit_) {
            stalled_();
            return;
        }
    }
}

}  // namespace panda::engine
