// error: on_accesses would never be called
#include "prologue.h"

struct Wrong : IgnoresEvents {
    static constexpr PassNeeds needs = PassNeeds::blocks;
    void on_block(const BlockExecution&) {}
    void on_accesses(const BlockExecution&, std::span<const Access>) {}
    void append(Wrong&&) {}
};

template auto pass<Wrong>(TraceReader&);
