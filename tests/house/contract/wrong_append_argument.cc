// error: append must be public
#include "prologue.h"

struct Wrong : IgnoresEvents {
    void on_block(const BlockExecution&) {}
    void append(Wrong&) {}
};

template auto pass<Wrong>(TraceReader&);
