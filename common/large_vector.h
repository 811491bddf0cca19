// Vectors of up to some hundred megabytes that are filled once.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <new>
#include <vector>

namespace panda {

// Asks the kernel for pages of 2 MiB where a vector is as large as that: a table of 300 MB costs 150 page faults then instead
// of 75,000, each of which takes a microsecond or two. Systems that give no such pages lose nothing.
template <typename T>
struct LargeAllocator {
    using value_type = T;

    LargeAllocator() = default;
    template <typename U>
    LargeAllocator(const LargeAllocator<U>&) {}

    T* allocate(size_t count) {
        if (count > max_bytes / sizeof(T))
            throw std::bad_alloc();
        const size_t bytes = count * sizeof(T);
        if (bytes < large)
            return static_cast<T*>(::operator new(bytes));
        void* const place = std::aligned_alloc(large, (bytes + large - 1) / large * large);
        if (place == nullptr)
            throw std::bad_alloc();
        ::madvise(place, bytes, MADV_HUGEPAGE);
        return static_cast<T*>(place);
    }
    void deallocate(T* place, size_t count) {
        if (count * sizeof(T) < large)
            ::operator delete(place);
        else
            std::free(place);
    }
    bool operator==(const LargeAllocator&) const = default;

  private:
    static constexpr size_t large = size_t{2} << 20;
    static constexpr size_t max_bytes = ~size_t{0} >> 1;
};

template <typename T>
using LargeVector = std::vector<T, LargeAllocator<T>>;

}  // namespace panda
