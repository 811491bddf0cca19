// What happens to memory inside a block's execution, or right before it, and is not an operation of the
// block's own code: the emulator's TLB learns a translation, the page walker marks a page-table entry, a
// helper of the emulator accesses memory. Values of followed registers come the same way.
#pragma once

#include <cstdint>

#include "trace/types.h"

namespace panda::trace {

// From here on the virtual page leads to this physical page: an entry of the processor's TLB. An access goes
// where the last fill of its page says (the last fills of both pages, if it crosses). For pages that have no
// fill in this chunk yet, the chunk's translations say it.
struct Translation {
    uint64_t page = 0;           // virtual address >> 12
    uint64_t frame = 0;          // guest physical address >> 12
    uint32_t address_space = 0;  // the physical one: 1 inside system management mode, otherwise 0

    bool operator==(const Translation&) const = default;
};

// The translation that a fill sets. address, value: those of the fill (see InnerKind::fill).
inline Translation fill_translation(uint64_t address, uint64_t value) {
    return {address >> 12, value >> 12, static_cast<uint32_t>(value & 0xfff)};
}

enum class InnerKind : uint8_t {
    fill = 0,  // address = virtual page << 12, value = frame << 12 | physical address space
    // The page walker marks an entry as accessed or dirty: address is physical (address space 0).
    table_write = 1,
    helper_load = 2,   // address is virtual; no value
    helper_store = 3,  // address is virtual
    // The followed register with the number `size` has this value where the block begins (its place is
    // before_block), whatever was known of it before; it has no address.
    register_value = 4,
};

struct InnerEvent {
    // When it happens within its block: before the block, or before or after the block's own operations of an
    // instruction. index: of the instruction in the block.
    static constexpr uint32_t before_block = 0;
    static constexpr uint32_t before_instruction(uint32_t index) { return 1 + 2 * index; }
    static constexpr uint32_t after_instruction(uint32_t index) { return 2 + 2 * index; }

    uint32_t place = before_block;  // ascending among the events of one block
    InnerKind kind = InnerKind::fill;
    uint8_t size = 8;  // bytes of an access: 1, 2, 4, 8 or 16
    uint64_t address = 0;
    uint64_t value = 0;
    uint64_t value_high = 0;  // the upper half of 16 bytes

    bool operator==(const InnerEvent&) const = default;
};

// The event that says: this followed register has this value where the block begins.
inline InnerEvent register_value(FollowedRegister which, uint64_t value) {
    return {InnerEvent::before_block, InnerKind::register_value, static_cast<uint8_t>(which), 0, value, 0};
}

}  // namespace panda::trace
