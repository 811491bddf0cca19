// A few threads that work through a queue.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace panda::recording {

class WorkerPool {
  public:
    // Starts `threads` threads (at least one) that take no signals: the process may be an emulator that
    // directs signals at its own threads.
    explicit WorkerPool(unsigned threads);
    // Finishes what was submitted first.
    ~WorkerPool();
    WorkerPool(const WorkerPool&) = delete;
    WorkerPool& operator=(const WorkerPool&) = delete;

    // Runs `task` on one of the threads. The future holds its result or its exception. The queue has no
    // bound: the caller limits what it has under way.
    template <typename Task>
    auto submit(Task task) {
        using Result = decltype(task());
        auto packaged = std::make_shared<std::packaged_task<Result()>>(std::move(task));
        auto result = packaged->get_future();
        push([packaged] { (*packaged)(); });
        return result;
    }
    unsigned threads() const { return static_cast<unsigned>(threads_.size()); }

  private:
    void push(std::function<void()> task);
    void work();

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> queue_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace panda::recording
