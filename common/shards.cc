#include "common/shards.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>
#include <vector>

namespace panda {

void run_shards(size_t count, unsigned threads, const std::function<void(size_t)>& work) {
    std::atomic<size_t> next = 0;
    std::mutex mutex;
    std::exception_ptr failure;
    const auto run = [&] {
        try {
            for (size_t number = next++; number < count; number = next++)
                work(number);
        } catch (...) {
            next = count;
            const std::lock_guard lock(mutex);
            if (!failure)
                failure = std::current_exception();
        }
    };
    {
        std::vector<std::jthread> others;
        for (unsigned i = 1; i < std::min<size_t>(threads, count); ++i)
            others.emplace_back(run);
        run();
    }
    if (failure)
        std::rethrow_exception(failure);
}

void SharedProgress::add(uint64_t instructions) {
    const std::lock_guard lock(mutex_);
    done_ += instructions;
    if (report_)
        report_(done_);
}

}  // namespace panda
