// error: on_accesses is there, and the base
#include "prologue.h"

struct Wrong : IgnoresEvents, IgnoresAccesses {
    static constexpr PassNeeds needs = PassNeeds::accesses;
    void on_block(const BlockExecution&) {}
    void on_accesses(const BlockExecution&, std::span<const Access>) {}
    void append(Wrong&&) {}
};

template auto pass<Wrong>(TraceReader&);
