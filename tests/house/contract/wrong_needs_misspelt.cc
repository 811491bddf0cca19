// error: need`.*needs
#include "prologue.h"

struct Wrong : IgnoresEvents {
    static constexpr PassNeeds need = PassNeeds::memory;
    void on_block(const BlockExecution&) {}
    void append(Wrong&&) {}
};

template auto pass<Wrong>(TraceReader&);
