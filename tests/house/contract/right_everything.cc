// compiles
#include "prologue.h"

class Everything final {
  public:
    static constexpr PassNeeds needs = PassNeeds::memory;
    static constexpr bool needs_registers = true;
    void on_block(const BlockExecution&) {}
    void on_accesses(BlockExecution, std::span<const Access>) {}
    void after_accesses(const BlockExecution&) {}
    void on_event(const Event&) {}
    void append(Everything) {}
};

template auto pass<Everything>(TraceReader&);
