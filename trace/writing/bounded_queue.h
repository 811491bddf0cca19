// A queue between one producer thread and one consumer thread. It holds a few items; the producer waits while
// it is full.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <utility>

namespace panda::trace {

template <typename T>
class BoundedQueue {
  public:
    // capacity: how many items may wait, at least 1.
    explicit BoundedQueue(size_t capacity) : capacity_(capacity) {}

    // Producer: waits for room and appends an item. Throws the exception that the consumer failed with.
    void push(T item) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return items_.size() < capacity_ || failure_; });
        if (failure_)
            std::rethrow_exception(failure_);
        items_.push_back(std::move(item));
        changed_.notify_all();
    }
    // Producer: whether push() would wait now.
    bool full() {
        const std::lock_guard lock(mutex_);
        return items_.size() >= capacity_;
    }
    // Producer: says that no item follows.
    void close() {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        changed_.notify_all();
    }
    // Producer, after the consumer ended: throws the exception that it failed with, if any.
    void check() {
        const std::lock_guard lock(mutex_);
        if (failure_)
            std::rethrow_exception(failure_);
    }

    // Consumer: waits for the next item and returns it; returns nothing when the queue is closed and empty.
    std::optional<T> pop() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return !items_.empty() || closed_; });
        if (items_.empty())
            return std::nullopt;
        std::optional<T> item(std::move(items_.front()));
        items_.pop_front();
        changed_.notify_all();
        return item;
    }
    // Consumer: says that it ends with this exception, and drops all items.
    void fail(std::exception_ptr failure) {
        const std::lock_guard lock(mutex_);
        failure_ = std::move(failure);
        items_.clear();
        changed_.notify_all();
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<T> items_;
    size_t capacity_;
    bool closed_ = false;
    std::exception_ptr failure_;
};

}  // namespace panda::trace
