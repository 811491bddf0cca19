// What happens to memory inside a block's execution, or right before it, and is not an operation of the
// block's own code: translations that are learnt, page tables that are marked, accesses that helpers of the
// emulator make. And what addresses are counted from: registers that are followed.
#pragma once

#include <cstdint>

#include "trace/types.h"

namespace panda::trace {

// From here on the virtual page leads to this physical page: an entry of the processor's TLB. An access goes
// where the last fill of its page (the last two pages, if it crosses) says; addresses of pages that were
// never filled in this chunk stand in its translations.
struct Translation {
    uint64_t page = 0;           // virtual address >> 12
    uint64_t frame = 0;          // guest physical address >> 12
    uint32_t address_space = 0;  // physical: 1 inside system management mode

    bool operator==(const Translation&) const = default;
};

// The translation that a fill tells of, by its address and value.
inline Translation fill_translation(uint64_t address, uint64_t value) {
    return {address >> 12, value >> 12, static_cast<uint32_t>(value & 0xfff)};
}

enum class InnerKind : uint8_t {
    fill = 0,  // address = virtual page << 12, value = frame << 12 | physical address space
    // The page walker marks an entry as accessed or dirty: address is physical (address space 0).
    table_write = 1,
    helper_load = 2,   // address is virtual; no value
    helper_store = 3,  // address is virtual
    // The followed register of the number `size` has this value where the block begins (place: before_block),
    // whatever was known of it; no address.
    register_value = 4,
};

struct InnerEvent {
    // When, within its block: before_block; or before or after the block's own operations of an instruction.
    static constexpr uint32_t before_block = 0;
    static constexpr uint32_t before_instruction(uint32_t index) { return 1 + 2 * index; }
    static constexpr uint32_t after_instruction(uint32_t index) { return 2 + 2 * index; }

    uint32_t place = before_block;  // ascending among the events of one block
    InnerKind kind = InnerKind::fill;
    uint8_t size = 8;  // of an access, bytes: 1, 2, 4, 8 or 16
    uint64_t address = 0;
    uint64_t value = 0;
    uint64_t value_high = 0;  // of 16 bytes

    bool operator==(const InnerEvent&) const = default;
};

inline InnerEvent register_value(FollowedRegister which, uint64_t value) {
    return {InnerEvent::before_block, InnerKind::register_value, static_cast<uint8_t>(which), 0, value, 0};
}

}  // namespace panda::trace
