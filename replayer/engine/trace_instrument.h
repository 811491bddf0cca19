/* Only trace_*.c share this: what is added to a block's TCG operations. */
#ifndef PANDA_REPLAYER_ENGINE_TRACE_INSTRUMENT_H
#define PANDA_REPLAYER_ENGINE_TRACE_INSTRUMENT_H

#include "replayer/engine/trace_block.h"

typedef struct Instrumentation Instrumentation;

Instrumentation* trace_instrumentation_new(GlueTraceColumns columns);
/* Finds the memory operations in the block that was just translated. They are valid until the next call. */
void trace_find_operations(Instrumentation* state, const DisasContextBase* block);
/* The operations of the block and, if it repeats its last instruction, of that one alone (instruction 0). */
const GlueOperation* trace_operations(const Instrumentation* state, size_t* count);
const GlueOperation* trace_repeat_operations(const Instrumentation* state, size_t* count);
/* What the block does to followed registers. */
const GlueRegisterChange* trace_register_changes(const Instrumentation* state, size_t* count);
/* What the code calls: to make room, and where registers are asked for, behind each record. */
typedef struct TraceHelpers {
    void (*full)(CPUArchState* env, uint32_t id);
    void (*registers)(CPUArchState* env);
} TraceHelpers;

/* Adds the code that appends the records, with these ids. */
void trace_add_code(Instrumentation* state, const DisasContextBase* block, uint32_t id, uint32_t repeat_id,
                    TraceHelpers helpers);

#endif
