/* The records that traced code leaves of its executions: what the tracer's code (C, compiled against QEMU's
 * headers) and the trace library (C++) both have to know. Both include this; in C++ it is in panda::trace.
 *
 * A record is a head and then the execution's words, without gaps; little-endian:
 *
 *   bytes 0 to 3  record_head(): the block's id, and above it how many words follow
 *   bytes 4 to 7  only in a trace with memory columns, to align the words; they mean nothing
 *   words         of 8 bytes each, operation after operation of the block's definition
 *
 * types.h says what an operation is (MemoryOperation). It leaves address_words() for its address, then, in a
 * trace with values, stored_words() for the value, the lower half first; the bits of a value above the size
 * of the operation are undefined. An operation that did not run has left address_not_run in place of its
 * address, and anything as its value. An operation of size 0 accesses nothing: its one word is the value that
 * a followed register has from there on. */
#ifndef PANDA_TRACE_RECORD_LAYOUT_H
#define PANDA_TRACE_RECORD_LAYOUT_H

#ifdef __cplusplus
#include <cstdint>
#define PANDA_CONSTANT(type, name, value) inline constexpr type name = value
#define PANDA_FUNCTION constexpr
namespace panda::trace {
#else
#include <stdbool.h>
#include <stdint.h>
/* An enumerator, because C takes no variable as the bound of an array. */
#define PANDA_CONSTANT(type, name, value) enum { name = value }
#define PANDA_FUNCTION static inline
#endif

/* The low bits of a head are the block's id. */
PANDA_CONSTANT(unsigned, record_id_bits, 26);
/* In a head: this many words or more follow; the block's definition says how many. */
PANDA_CONSTANT(uint32_t, many_words, 63);

/* The first four bytes of the record of a block's execution that leaves so many words. */
PANDA_FUNCTION uint32_t record_head(uint32_t id, uint32_t words) {
    return id | (words < many_words ? words : many_words) << record_id_bits;
}

/* The block's id in a record_head(). */
PANDA_FUNCTION uint32_t record_id(uint32_t head) {
    return head & ((UINT32_C(1) << record_id_bits) - 1);
}

/* Bytes before the first word. with_memory: the trace has memory columns; without, there are no words. */
PANDA_FUNCTION uint32_t record_head_bytes(bool with_memory) {
    return with_memory ? 8 : 4;
}

/* Not canonical: no access can succeed there. */
static const uint64_t address_not_run = UINT64_C(0xa5a5a5a5a5a5a5a5);

/* What an address, or the value of a followed register, is counted from: an earlier operation of the block,
 * by its index, or one of these. */
PANDA_CONSTANT(uint16_t, base_none, 0xffff);     /* nothing: it has a word */
PANDA_CONSTANT(uint16_t, base_constant, 0xfffe); /* 0 */
/* + the followed register: its value where the block starts. */
PANDA_CONSTANT(uint16_t, base_first_register, 0xfff0);

/* How many words an operation leaves for its address: 1, or 0 where something else tells it. */
PANDA_FUNCTION uint32_t address_words(uint16_t base) {
    return base == base_none ? 1 : 0;
}

/* How many words a store of `size` bytes leaves for its value in a trace with values. constant_value: every
 * execution stores the same, which the definition has. Loads leave none. */
PANDA_FUNCTION uint32_t stored_words(bool store, bool constant_value, uint8_t size) {
    return store && !constant_value ? (size == 16 ? 2 : 1) : 0;
}

/* Registers whose values are followed from block to block. */
PANDA_CONSTANT(unsigned, followed_stack_pointer, 0);
PANDA_CONSTANT(unsigned, followed_fs_base, 1);
PANDA_CONSTANT(unsigned, followed_gs_base, 2);
PANDA_CONSTANT(unsigned, followed_registers, 3);

/* Registers at the start of each block, which are told beside the records where a trace has that column: the
 * 16 general ones in the order of their encoding, then the flags. */
PANDA_CONSTANT(unsigned, block_registers, 17);
PANDA_CONSTANT(unsigned, rflags_number, 16);

#undef PANDA_CONSTANT
#undef PANDA_FUNCTION
#ifdef __cplusplus
}  // namespace panda::trace
#endif
#endif
