// error: on_acces`.*on_accesses
#include "prologue.h"

struct Wrong : IgnoresEvents, IgnoresAccesses {
    static constexpr PassNeeds needs = PassNeeds::memory;
    void on_block(const BlockExecution&) {}
    void on_acces(const BlockExecution&, std::span<const Access>) {}
    void append(Wrong&&) {}
};

template auto pass<Wrong>(TraceReader&);
