// error: on_values must be public
#include "prologue.h"

struct Wrong : IgnoresEvents, IgnoresAccesses {
    static constexpr PassNeeds needs = PassNeeds::memory;
    void on_block(const BlockExecution&) {}
    void on_values(std::span<const Access>) {}
    void append(Wrong&&) {}
};

template auto pass<Wrong>(TraceReader&);
