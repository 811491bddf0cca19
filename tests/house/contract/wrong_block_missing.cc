// error: on_block is missing
#include "prologue.h"

struct Wrong : IgnoresEvents {
    static constexpr PassNeeds needs = PassNeeds::blocks;
    void append(Wrong&&) {}
};

template auto pass<Wrong>(TraceReader&);
