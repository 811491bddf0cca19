// compiles
#include "prologue.h"

struct SumOfLoads : IgnoresEvents, IgnoresAccesses {
    static constexpr PassNeeds needs = PassNeeds::memory;
    uint64_t sum = 0;
    void on_block(const BlockExecution&) {}
    void on_values(const BlockExecution&, std::span<const Access> accesses) {
        for (const Access& access : accesses)
            sum += access.value;
    }
    void append(SumOfLoads&& next) { sum += next.sum; }
};

template auto pass<SumOfLoads>(TraceReader&);
