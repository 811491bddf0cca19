/* A block's TCG operations as bytes; the layout is in trace/README.md. */
#ifndef PANDA_REPLAYER_ENGINE_TRACE_TCG_CODE_H
#define PANDA_REPLAYER_ENGINE_TRACE_TCG_CODE_H

/* Sets `out` to the operations of the block that was just translated, from its instruction `first` on. Call it
 * before anything is added to the operations. */
void trace_tcg_code(GByteArray* out, int first);
/* What the numbers in these bytes mean, as text that the caller must g_free(): the operations by number, and the
 * globals with their types and places in the processor's state. */
char* trace_tcg_operation_names(void);
char* trace_tcg_globals(void);

#endif
