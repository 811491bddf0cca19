// error: on_block must be public
#include "prologue.h"

class Wrong : public IgnoresEvents {
    void on_block(const BlockExecution&) {}

  public:
    static constexpr PassNeeds needs = PassNeeds::blocks;
    void append(Wrong&&) {}
};

template auto pass<Wrong>(TraceReader&);
