/* The one door between QEMU and this project's C++: plain C, no QEMU header. What is behind it (glue_*.c) is
 * compiled against QEMU's headers and lives in the same shared object; all of it concerns the first and only
 * processor.
 *
 * Threads: everything is called with QEMU's exclusion held: by the processor's thread while it runs, else by
 * the main loop. */
#ifndef PANDA_RECORDER_ENGINE_GLUE_H
#define PANDA_RECORDER_ENGINE_GLUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Counting (glue_count.c) ---- */

/* Instructions executed since glue_count_start(). Exact between blocks and in the last instruction of a
 * block. */
uint64_t glue_instr(void);
/* Exceptions taken since the last instruction was counted: 0 when one was executed since. */
uint32_t glue_exceptions(void);
/* Counts from zero, with code that counts; or back to code that does not. The processor is stopped. */
void glue_count_start(void);
void glue_count_stop(void);
/* The most that the processor's own counter holds. A recording grants so much at a time. */
enum { glue_counter_limit = 0xffff };
/* Lets the processor execute exactly so many instructions more before it asks again. */
void glue_grant(uint64_t instructions);

/* ---- Processor (glue_cpu.c) ---- */

typedef struct GlueSegment {
    uint64_t selector, base, limit, flags;
} GlueSegment;

/* The architectural state, in canonical form: the same at the same instruction, however QEMU's blocks are
 * cut. */
typedef struct GlueProcessor {
    struct {
        uint64_t rip, rflags;
    } flow;
    uint64_t general[16];
    struct {
        GlueSegment segments[6], ldt, task;
        uint64_t gdt_base, gdt_limit, idt_base, idt_limit;
    } segmentation;
    struct {
        uint64_t cr0, cr2, cr3, cr4, dr[8], a20, xcr0, hflags_smm;
    } control;
    struct {
        uint64_t efer, star, lstar, cstar, fmask, kernel_gs_base, sysenter_cs, sysenter_esp, sysenter_eip,
            tsc_aux, pat, misc_enable, pkru;
    } msr;
    struct {
        uint64_t control, status, top, instruction_pointer, data_pointer;
        uint8_t tags[8];
        uint8_t registers[8][16]; /* 10 bytes used */
    } x87;
    struct {
        uint64_t mxcsr;
        uint8_t registers[32][64];
    } vector;
} GlueProcessor;

void glue_processor(GlueProcessor* out);
/* The complete state with the model's features, as bytes that glue_processor_load() takes. Caller frees with
 * free(). It cannot hold everything: load it back, so that record and replay go on alike. */
uint8_t* glue_processor_save(size_t* size);
/* NULL, or a sentence (static) that says why the bytes do not fit this build. */
const char* glue_processor_load(const uint8_t* data, size_t size);
/* TLBs as at power-on. */
void glue_tlb_reset(void);
/* HLT was executed and nothing has ended it yet. */
bool glue_halted(void);

/* ---- Memory (glue_memory.c) ---- */

typedef struct GlueBlock {
    const char* name;
    uint64_t size;
    uint8_t* host;
} GlueBlock;

/* A range of guest physical addresses that a block backs; kind: recording_range_... of
 * recorder/format/kinds.h. */
typedef struct GlueRange {
    uint64_t address, size, block_offset;
    uint32_t block;
    uint32_t kind;
} GlueRange;

/* A device; kind: recording_device_... of recorder/format/kinds.h. */
typedef struct GlueDevice {
    const char* model;
    const char* place; /* may be NULL */
    uint32_t kind;
} GlueDevice;

/* The machine's devices as they are now; GlueRecorder::written counts them from 1. Valid until the next
 * call. */
size_t glue_devices(const GlueDevice** devices);

/* The machine's blocks, in an order that stays; valid until the next call. */
size_t glue_blocks(const GlueBlock** blocks);
/* What the processor sees of address space `index` (0, or 1 = system management mode); valid until it
 * changes. */
size_t glue_address_spaces(void);
size_t glue_memory_map(int index, const GlueRange** ranges);
/* Follows map changes from now on. Call before glue_memory_map(). */
void glue_watch_memory_maps(void);

/* Replay: makes the blocks (zero-filled), and lays them out. */
void glue_make_blocks(GlueBlock* blocks, size_t count);
void glue_set_memory_map(int index, const GlueRange* ranges, size_t count);
/* Replay: writes to a block as a device would; code that was translated from there is dropped. */
void glue_write_block(uint32_t block, uint64_t offset, const uint8_t* data, size_t size);

/* ---- The machine (glue_machine.c, glue_record.c, glue_replay.c) ---- */

typedef struct GlueMachine {
    const char* type;
    const char* processor; /* model with its options */
    const char* kernel_command_line;
    const char* kernel; /* files; NULL when there is none */
    const char* initrd;
    const char* qemu_version;
    uint64_t memory; /* bytes */
    unsigned processors;
    bool one_thread; /* emulated by one TCG thread, without -icount */
    bool has_iothreads;
} GlueMachine;

void glue_machine(GlueMachine* out);

typedef struct GlueRecorder {
    /* message: on failure, a sentence to free() */
    bool (*begin)(const char* file, bool force, const char* const* facts, char** message);
    bool (*end)(char** message);
    /* kind: of recorder/format/kinds.h. */
    void (*give)(int kind, unsigned size, uint64_t value, uint64_t value2);
    /* request: recording_interrupt_... or another bit of QEMU's. */
    void (*interrupt)(int request, int vector);
    void (*wake)(void);
    /* device: 1 + its place in glue_devices(), or 0. */
    void (*written)(uint32_t block, uint64_t offset, const uint8_t* data, uint64_t size, uint32_t device);
    void (*memory_map)(int index);
    void (*a20)(bool enabled);
    void (*budget)(void);
    void (*power_on)(void);
    void (*shutting_down)(void);
    void (*reset)(bool before);
    void (*registers_written)(void);
    /* The recording cannot go on, for this reason. */
    void (*impossible)(const char* reason);
} GlueRecorder;

typedef struct GlueReplayer {
    /* kind: as for give. address: of the device, the port or the MSR. */
    uint64_t (*take)(int kind, unsigned size, uint64_t address, uint64_t* value2);
    int (*vector)(void);
    bool (*wake)(void);
    void (*between_blocks)(void);
    bool (*start)(void); /* false: nothing to run */
    bool (*running)(void);
    void (*ended)(void); /* does not return */
    void (*port_write)(unsigned port, unsigned size, uint32_t value);
} GlueReplayer;

/* Install one of the two; returns what panda_engine_init() returns. */
const void* glue_install_recorder(const GlueRecorder* recorder);
struct PandaHooks;
/* add_hooks: adds those of tracing. */
const void* glue_install_replayer(const GlueReplayer* replayer, void (*add_hooks)(struct PandaHooks*));

/* Record mode on or off; hooks report only while on. */
void glue_set_recording(bool on);
bool glue_pause(void); /* returns whether it ran */
void glue_resume(void);
/* Calls back from the main loop, soon. */
void glue_defer(void (*function)(void*), void* argument);
void glue_complain(const char* message);
/* Replay: */
void glue_request_interrupt(int request);
void glue_set_a20(bool enabled);
void glue_leave_loop(void);

#ifdef __cplusplus
}
#endif
#endif
