// compiles
#include "prologue.h"

struct Shared : IgnoresEvents {
    void on_block(const BlockExecution&) {}
};
struct MemoryOnly : Shared, IgnoresAccesses {
    static constexpr PassNeeds needs = PassNeeds::memory;
    void append(MemoryOnly&&) {}
};

template auto pass<MemoryOnly>(TraceReader&);
