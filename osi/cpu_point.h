// The C++ side of osi.h: how a moment of a guest becomes a CPUState, and a C++ provider one for C.
#pragma once

#include <cstdint>
#include <memory>

#include "osi/osi.h"
#include "osi/provider.h"

// What C users hold a pointer to. Lives as long as they may use it, and no longer than what it points to.
struct CPUState {
    panda::osi::Point point;
    Osi* osi;
    uint64_t instr = 0;
};

namespace panda::osi {

// Registers `provider` with `osi`. Lists that end early are given as far as they go, after a g_warning(); a
// call that throws gives NULL, after a g_warning().
void register_provider(Osi& osi, std::shared_ptr<const Provider> provider);

// A process or thread as C has it; the name is to be freed: free_osiproc_contents().
OsiProc to_c(const Process& process);
OsiThread to_c(const Thread& thread);

struct FreeOsi {
    void operator()(Osi* osi) const { osi_free(osi); }
};
using OsiOwner = std::unique_ptr<Osi, FreeOsi>;

}  // namespace panda::osi
