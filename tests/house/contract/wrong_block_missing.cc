// error: on_block is missing
#include "prologue.h"

struct Wrong : IgnoresEvents {
    void append(Wrong&&) {}
};

template auto pass<Wrong>(TraceReader&);
