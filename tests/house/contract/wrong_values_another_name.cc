// error: `on_loads` would never be called.*`on_values` is the name
#include "prologue.h"

struct Wrong : IgnoresEvents, IgnoresAccesses {
    static constexpr PassNeeds needs = PassNeeds::memory;
    void on_block(const BlockExecution&) {}
    void on_loads(const BlockExecution&, std::span<const Access>) {}
    void append(Wrong&&) {}
};

template auto pass<Wrong>(TraceReader&);
