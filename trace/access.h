// Memory accesses as a reader gets them, by guest code, by helpers of the emulator or by the page walker.
#pragma once

#include <cstdint>

#include "trace/inner_event.h"

namespace panda::trace {

enum class AccessKind : uint8_t {
    load = 0,
    store = 1,
    helper_load = 2,  // by a helper of the emulator: interrupt frames, fxsave, segment loads …
    helper_store = 3,
    table_write = 4,  // by the page walker; address is physical
    fill = 5,         // not an access: a translation changes (InnerKind::fill)
};

struct Access {
    uint64_t address = 0;  // virtual, except for table_write
    // What was stored, masked to `size` bytes; 0 for loads, and when the trace has no values. For a fill, see
    // InnerKind.
    uint64_t value = 0;
    uint64_t value_high = 0;   // the upper half of 16 bytes
    uint16_t instruction = 0;  // index in the block; also 0 for what happens before the block
    uint8_t size = 0;          // bytes
    AccessKind kind = AccessKind::load;

    // Whether guest code or a helper stored. (A table write is not a store.)
    bool is_store() const { return kind == AccessKind::store || kind == AccessKind::helper_store; }
    // The translation that a fill sets; only for AccessKind::fill.
    Translation translation() const { return fill_translation(address, value); }
};

}  // namespace panda::trace
