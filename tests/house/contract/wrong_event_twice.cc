// error: on_event is there, and the base IgnoresEvents
#include "prologue.h"

struct Wrong : IgnoresEvents {
    static constexpr PassNeeds needs = PassNeeds::blocks;
    void on_block(const BlockExecution&) {}
    void on_event(const Event&) {}
    void append(Wrong&&) {}
};

template auto pass<Wrong>(TraceReader&);
