// error: on_accesses is missing
#include "prologue.h"

struct Wrong : IgnoresEvents, IgnoresAfterAccesses {
    static constexpr PassNeeds needs = PassNeeds::accesses;
    void on_block(const BlockExecution&) {}
    void on_acccesses(const BlockExecution&, std::span<const Access>) {}
    void append(Wrong&&) {}
};

template auto pass<Wrong>(TraceReader&);
