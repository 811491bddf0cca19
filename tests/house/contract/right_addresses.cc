// compiles
#include "prologue.h"

struct CountAddresses : IgnoresEvents, IgnoresAfterAccesses {
    static constexpr PassNeeds needs = PassNeeds::addresses;
    uint64_t count = 0;
    void on_block(const BlockExecution&) {}
    void on_accesses(const BlockExecution&, std::span<const Access> accesses) { count += accesses.size(); }
    void append(CountAddresses&& next) { count += next.count; }
};

template auto pass<CountAddresses>(TraceReader&);
