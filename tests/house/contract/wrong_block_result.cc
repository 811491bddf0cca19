// error: on_block must be public: void
#include "prologue.h"

struct Wrong : IgnoresEvents {
    static constexpr PassNeeds needs = PassNeeds::blocks;
    bool on_block(const BlockExecution&) { return false; }
    void append(Wrong&&) {}
};

template auto pass<Wrong>(TraceReader&);
