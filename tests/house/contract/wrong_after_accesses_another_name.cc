// error: after_accesses is missing
#include "prologue.h"

struct Wrong : IgnoresEvents {
    static constexpr PassNeeds needs = PassNeeds::memory;
    void on_block(const BlockExecution&) {}
    void on_accesses(const BlockExecution&, std::span<const Access>) {}
    void after_acesses(const BlockExecution&) {}
    void append(Wrong&&) {}
};

template auto pass<Wrong>(TraceReader&);
