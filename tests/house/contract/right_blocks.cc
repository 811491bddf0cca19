// compiles
#include "prologue.h"

struct CountBlocks : IgnoresEvents {
    static constexpr PassNeeds needs = PassNeeds::blocks;
    uint64_t count = 0;
    void on_block(const BlockExecution&) { ++count; }
    void append(CountBlocks&& next) { count += next.count; }
};

template auto pass<CountBlocks>(TraceReader&);
