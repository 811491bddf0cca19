// error: on_block must be public: void
#include "prologue.h"

struct Wrong : IgnoresEvents {
    bool on_block(const BlockExecution&) { return false; }
    void append(Wrong&&) {}
};

template auto pass<Wrong>(TraceReader&);
