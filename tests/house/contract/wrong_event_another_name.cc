// error: on_event is missing
#include "prologue.h"

struct Wrong {
    static constexpr PassNeeds needs = PassNeeds::blocks;
    void on_block(const BlockExecution&) {}
    void on_ewent(const Event&) {}
    void append(Wrong&&) {}
};

template auto pass<Wrong>(TraceReader&);
