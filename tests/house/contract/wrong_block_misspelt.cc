// error: onBlock`.*on_block
#include "prologue.h"

struct Wrong : IgnoresEvents {
    void onBlock(const BlockExecution&) {}
    void on_block(const BlockExecution&) {}
    void append(Wrong&&) {}
};

template auto pass<Wrong>(TraceReader&);
