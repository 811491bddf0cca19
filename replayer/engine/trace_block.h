/* What a traced block leaves in the ring, and how the tracer learns of that: plain C, no QEMU header. The
 * code that finds it (trace_instrument.c), the door (trace_glue.h) and the tracer share this. */
#ifndef PANDA_REPLAYER_ENGINE_TRACE_BLOCK_H
#define PANDA_REPLAYER_ENGINE_TRACE_BLOCK_H

#include "trace/record_layout.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The ring: translated code appends a record (trace/record_layout.h) for each block that it starts. It looks
 * at its place only when it has appended a record, whose words come later. If the place is at or past
 * glue_trace_ring_bytes, it asks for room, and the record moves to the new ring. The memory is aligned to
 * 2 * glue_trace_ring_bytes and has that size, so that one bit of the address says it. */
enum { glue_trace_ring_bytes = 1 << 18 };

/* Which parts of this translated code has to leave. */
typedef struct GlueTraceColumns {
    bool memory;    /* the words of memory operations */
    bool values;    /* with those of stored values */
    bool follows;   /* without those that followed registers tell */
    bool registers; /* beside the ring: those with which each block starts */
} GlueTraceColumns;

/* A load or store that translated code makes, or (size 0) a word with the value of a followed register; see
 * panda::trace::MemoryOperation. The address words of operations that may not run although their instruction
 * does hold address_not_run until they do. */
typedef struct GlueOperation {
    uint16_t instruction;
    uint16_t base; /* an operation, or base_... of the layout */
    uint8_t size;
    uint8_t register_number; /* for size 0 */
    bool store;
    bool conditional;
    bool narrow;
    bool constant_value;
    /* Its words are written before it runs. If its instruction is cut short, it did not run. */
    bool before;
    int64_t delta;
    uint64_t constant;
} GlueOperation;

/* A followed register that a block leaves with another value: that of the base + delta; see
 * panda::trace::RegisterChange. */
typedef struct GlueRegisterChange {
    uint8_t register_number;
    bool narrow;
    uint16_t base;
    int64_t delta;
} GlueRegisterChange;

#ifdef __cplusplus
}
#endif
#endif
