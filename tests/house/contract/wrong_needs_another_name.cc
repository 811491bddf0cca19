// error: `needs` is missing
#include "prologue.h"

struct Wrong : IgnoresEvents, IgnoresAccesses {
    static constexpr PassNeeds neds = PassNeeds::memory;
    void on_block(const BlockExecution&) {}
    void append(Wrong&&) {}
};

template auto pass<Wrong>(TraceReader&);
