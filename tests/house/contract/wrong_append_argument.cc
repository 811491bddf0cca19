// error: append must be public
#include "prologue.h"

struct Wrong : IgnoresEvents {
    static constexpr PassNeeds needs = PassNeeds::blocks;
    void on_block(const BlockExecution&) {}
    void append(Wrong&) {}
};

template auto pass<Wrong>(TraceReader&);
