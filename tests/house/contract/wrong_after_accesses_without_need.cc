// error: after_accesses would never be called
#include "prologue.h"

struct Wrong : IgnoresEvents {
    static constexpr PassNeeds needs = PassNeeds::blocks;
    void on_block(const BlockExecution&) {}
    void after_accesses(const BlockExecution&) {}
    void append(Wrong&&) {}
};

template auto pass<Wrong>(TraceReader&);
