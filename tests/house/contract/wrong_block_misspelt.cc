// error: onBlock`.*on_block
#include "prologue.h"

struct Wrong : IgnoresEvents {
    static constexpr PassNeeds needs = PassNeeds::blocks;
    void onBlock(const BlockExecution&) {}
    void on_block(const BlockExecution&) {}
    void append(Wrong&&) {}
};

template auto pass<Wrong>(TraceReader&);
