// compiles
#include "prologue.h"

struct CountAccesses : IgnoresEvents, IgnoresAfterAccesses {
    static constexpr PassNeeds needs = PassNeeds::accesses;
    uint64_t count = 0;
    void on_block(const BlockExecution&) {}
    void on_accesses(const BlockExecution&, std::span<const Access> accesses) { count += accesses.size(); }
    void append(CountAccesses&& next) { count += next.count; }
};

template auto pass<CountAccesses>(TraceReader&);
