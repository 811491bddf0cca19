// The C++ side of osi.h: how a moment of a guest becomes a CPUState, and a C++ provider becomes one for C.
#pragma once

#include <cstdint>
#include <memory>

#include "osi/osi.h"
#include "osi/provider.h"

// C users hold a pointer to this. It lives as long as they may use it, and no longer than what it points to.
struct CPUState {
    panda::osi::Point point;
    Osi* osi;
    uint64_t instr = 0;
};

namespace panda::osi {

// Registers `provider` with `osi`. When a list ends early, C users get what is there, after a g_warning().
// When a call throws, they get NULL, after a g_warning().
void register_provider(Osi& osi, std::shared_ptr<const Provider> provider);

// A process as C has it. The caller frees its name with free_osiproc_contents().
OsiProc to_c(const Process& process);
OsiThread to_c(const Thread& thread);

struct FreeOsi {
    void operator()(Osi* osi) const { osi_free(osi); }
};
using OsiOwner = std::unique_ptr<Osi, FreeOsi>;

}  // namespace panda::osi
