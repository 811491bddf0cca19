// error: on_event must be public
#include "prologue.h"

struct Wrong {
    static constexpr PassNeeds needs = PassNeeds::blocks;
    void on_block(const BlockExecution&) {}
    void on_event(Event&) {}
    void append(Wrong&&) {}
};

template auto pass<Wrong>(TraceReader&);
