// error: after_accesses is there, and the base
#include "prologue.h"

struct Wrong : IgnoresEvents, IgnoresAfterAccesses {
    static constexpr PassNeeds needs = PassNeeds::memory;
    void on_block(const BlockExecution&) {}
    void on_accesses(const BlockExecution&, std::span<const Access>) {}
    void after_accesses(const BlockExecution&) {}
    void append(Wrong&&) {}
};

template auto pass<Wrong>(TraceReader&);
