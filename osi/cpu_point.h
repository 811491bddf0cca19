// The C++ side of osi.h: how a moment of a guest becomes a CPUState, and a C++ provider one for C.
#pragma once

#include <memory>

#include "osi/osi.h"
#include "osi/provider.h"

// What C users hold a pointer to. Lives as long as they may use it, and no longer than what it points to.
struct CPUState {
    panda::osi::Point point;
    Osi* osi;
};

namespace panda::osi {

// Registers `provider` with `osi`. Lists that end early are given as far as they go, after a g_warning(); a
// call that throws gives NULL, after a g_warning().
void register_provider(Osi& osi, std::shared_ptr<const Provider> provider);

struct FreeOsi {
    void operator()(Osi* osi) const { osi_free(osi); }
};
using OsiOwner = std::unique_ptr<Osi, FreeOsi>;

}  // namespace panda::osi
