/* The door between QEMU and the tracer: plain C, no QEMU header. What is behind it (trace_*.c) is compiled
 * against QEMU's headers. The same threads' rule as recorder/engine/glue.h. */
#ifndef PANDA_REPLAYER_ENGINE_TRACE_GLUE_H
#define PANDA_REPLAYER_ENGINE_TRACE_GLUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replayer/engine/trace_block.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A block that QEMU has translated. Physical addresses are the guest's; the second page's is that of its
 * first byte, or UINT64_MAX when the block does not reach it. */
typedef struct GlueTranslation {
    uint64_t pc, cs_base, flags, physical_pc, physical_second_page;
    const void* code; /* NULL when it is not in RAM */
    size_t size;
    const uint16_t* offsets; /* of each instruction */
    int instructions;
    const GlueOperation* operations;
    size_t operation_count;
    const GlueRegisterChange* changes;
    size_t change_count;
    const uint8_t* tcg; /* its TCG operations, trace/README.md */
    size_t tcg_size;
} GlueTranslation;

/* In place of a code position: no code runs. */
enum { glue_between_blocks = 0 };

/* The instructions that enter and leave a kernel. */
typedef enum GlueGate {
    glue_gate_syscall,  /* and sysret */
    glue_gate_sysenter, /* and sysexit */
    glue_gate_iret,     /* a return only */
} GlueGate;

typedef struct GlueTracer {
    /* Returns the block's id. */
    uint32_t (*translated)(const GlueTranslation* translation);
    /* The block `id` has appended its record and is about to run, and there is no room for another: leaves
     * this record's head at the start of a new ring, and the place behind the record. */
    void (*ring_full)(uint32_t id);
    /* The block that started last stopped with so many instructions to go. */
    void (*abandoned)(int instructions_left);
    /* The block that started last had these registers at its start: block_registers of them. */
    void (*block_registers)(const uint64_t* values);
    /* Between blocks: followed registers may have other values than the last block left in them. */
    void (*registers_changed)(void);
    /* A helper, or the processor between blocks, accessed memory. position: for glue_trace_pc(). */
    void (*helper_access)(uint64_t address, uint64_t low, uint64_t high, unsigned size, bool store,
                          uintptr_t position);
    /* Virtual page -> physical page, both as addresses. */
    void (*filled)(uint64_t page, uint64_t frame, unsigned address_space, uintptr_t position);
    /* The page walker changed 4 bytes at a physical address. */
    void (*table_written)(uint64_t address, uint32_t value, uintptr_t position);
    /* A device, or the processor by physical address, wrote to a block of memory. */
    void (*memory_written)(uint32_t block, uint64_t offset, const uint8_t* data, uint64_t size);
    void (*device_write)(uint64_t address, unsigned size, uint64_t value);
    /* software: by an INT instruction. */
    void (*exception)(int number, int error_code, uint64_t address, bool software);
    void (*control_changed)(void);
    /* A program calls its kernel, or the kernel returns to it. */
    void (*system_call)(GlueGate gate);
    void (*system_return)(GlueGate gate);
} GlueTracer;

struct PandaHooks;
/* For glue_install_replayer(). */
void glue_trace_hooks(struct PandaHooks* hooks);
/* From now on blocks are translated with code that appends to the ring. Nothing that was translated before
 * runs again. */
void glue_trace_start(const GlueTracer* tracer, GlueTraceColumns columns);
/* What a translation's TCG operations refer to: names of operations, and of globals; to free(). */
char* glue_trace_tcg_operations(void);
char* glue_trace_tcg_globals(void);
/* The host that they are made for; to free(). */
char* glue_trace_tcg_host(void);
/* For tests, before QEMU's accelerator starts: the host has no more than these features (host/cpuinfo.h). */
void glue_trace_mask_host(uint64_t features);
void glue_trace_stop(void);
/* The pointer to where translated code puts its next record. */
void** glue_trace_ring(void);
/* The linear address of the guest instruction that a position is in; glue_between_blocks for that itself. */
uint64_t glue_trace_pc(uintptr_t position);
/* The values of the followed registers now: followed_registers of them. */
void glue_trace_registers(uint64_t* values);
/* What the TLBs of data hold: calls back for each entry, in any order; the same page may come twice. */
void glue_trace_tlb(void (*entry)(void* context, uint64_t page, uint64_t frame, unsigned address_space),
                    void* context);

#ifdef __cplusplus
}
#endif
#endif
