// error: `needs` is missing
#include "prologue.h"

// Without `needs`, nothing says that on_accesse is meant to be called.
struct Wrong : IgnoresEvents {
    void on_block(const BlockExecution&) {}
    void on_accesse(const BlockExecution&, std::span<const Access>) {}
    void append(Wrong&&) {}
};

template auto pass<Wrong>(TraceReader&);
