/* A block's TCG operations as bytes; the layout is in trace/README.md. */
#ifndef PANDA_REPLAYER_ENGINE_TRACE_TCG_CODE_H
#define PANDA_REPLAYER_ENGINE_TRACE_TCG_CODE_H

/* out: becomes the operations of the block that was just translated, from its instruction `first` on. Call
 * before anything is added to them. */
void trace_tcg_code(GByteArray* out, int first);
/* What the bytes refer to, as text to g_free(): names of operations by number, and of globals with their
 * types and places in the processor's state. */
char* trace_tcg_operation_names(void);
char* trace_tcg_globals(void);

#endif
