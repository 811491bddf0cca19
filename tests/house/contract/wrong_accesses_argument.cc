// error: on_accesses must be public
#include "prologue.h"

struct Wrong : IgnoresEvents, IgnoresAfterAccesses {
    static constexpr PassNeeds needs = PassNeeds::accesses;
    void on_block(const BlockExecution&) {}
    void on_accesses(std::span<const Access>) {}
    void append(Wrong&&) {}
};

template auto pass<Wrong>(TraceReader&);
