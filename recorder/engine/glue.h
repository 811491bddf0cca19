/* The one door between QEMU and this project's C++: plain C, no QEMU header. What is behind it (glue_*.c) is
 * compiled against QEMU's headers and lives in the same shared object. All of it concerns the first
 * processor, which is the only one.
 *
 * Threads: everything is called with QEMU's exclusion held, by the processor's thread while the processor
 * runs, else by the main loop. */
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
/* Starts to count from zero, with code that counts, or goes back to code that does not. Call them while the
 * processor is stopped. */
void glue_count_start(void);
void glue_count_stop(void);
/* The most that the processor's own counter holds. A recording grants this much at a time. */
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

/* Fills *out with the processor's state as it is now. */
void glue_processor(GlueProcessor* out);
/* Returns the complete state with the model's features, as bytes that glue_processor_load() takes; the caller
 * frees them with free(). They cannot hold everything. Load them back, so that record and replay go on
 * alike. */
uint8_t* glue_processor_save(size_t* size);
/* Returns NULL, or a sentence (static) that says why the bytes do not fit this build. */
const char* glue_processor_load(const uint8_t* data, size_t size);
/* Sets a general register: 0 to 15, as in GlueProcessor. */
void glue_set_register(unsigned index, uint64_t value);
/* Makes the TLBs what they are at power-on. */
void glue_tlb_reset(void);
/* Returns whether HLT was executed and nothing has ended it yet. */
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

/* Sets *devices to the machine's devices as they are now, and returns how many there are; valid until the
 * next call. GlueRecorder::written counts them from 1. */
size_t glue_devices(const GlueDevice** devices);

/* Sets *blocks to the machine's blocks, in an order that does not change, and returns how many there are;
 * valid until the next call. */
size_t glue_blocks(const GlueBlock** blocks);
/* Returns how many physical address spaces the processor has: 1, or 2 with system management mode's. */
size_t glue_address_spaces(void);
/* Sets *ranges to what the processor sees of address space `index`, ascending, and returns how many there
 * are; valid until the map changes. */
size_t glue_memory_map(int index, const GlueRange** ranges);
/* Follows map changes from now on. Call it before glue_memory_map(). */
void glue_watch_memory_maps(void);

/* Replay: makes the blocks, filled with zeros, and sets where they are in the host's memory. */
void glue_make_blocks(GlueBlock* blocks, size_t count);
/* Replay: makes these ranges, and nothing else, what the processor sees of address space `index`. */
void glue_set_memory_map(int index, const GlueRange* ranges, size_t count);
/* Replay: writes to a block as a device would. Code that was translated from there is dropped. */
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

/* Fills *out; its texts are valid until the next call. */
void glue_machine(GlueMachine* out);

/* What the glue calls while it records. Nothing may be thrown through it. */
typedef struct GlueRecorder {
    /* The commands of the monitor. They return whether they succeeded; if not, *message is a sentence to
     * free(). facts: NULL, or names and values by turns, with NULL at the end. */
    bool (*begin)(const char* file, bool force, const char* const* facts, char** message);
    bool (*end)(char** message);
    /* The running instruction has got an input. kind: of recorder/format/kinds.h. */
    void (*give)(int kind, unsigned size, uint64_t value, uint64_t value2);
    /* An interrupt is about to be delivered. request: recording_interrupt_..., or another bit of QEMU's.
     * vector: -1 if it has none. */
    void (*interrupt)(int request, int vector);
    /* HLT ends. */
    void (*wake)(void);
    /* A device wrote to a block. device: 1 + its place in glue_devices(), or 0 if it is not known. */
    void (*written)(uint32_t block, uint64_t offset, const uint8_t* data, uint64_t size, uint32_t device);
    /* What the processor sees of an address space has changed. */
    void (*memory_map)(int index);
    void (*a20)(bool enabled);
    /* The processor has executed what was granted, and has been granted glue_counter_limit more. */
    void (*budget)(void);
    /* The machine runs for the first time. */
    void (*power_on)(void);
    void (*shutting_down)(void);
    /* The machine is about to be reset, or has been. */
    void (*reset)(bool before);
    /* A debugger, or an error injected by the monitor, has changed the processor's state. */
    void (*registers_written)(void);
    /* A device that the running instruction called has written to a general register: 0 to 15, as in
     * GlueProcessor. Called before the instruction is given what the device answers. */
    void (*register_written)(unsigned index, uint64_t value);
    /* The recording cannot go on, for this reason. */
    void (*impossible)(const char* reason);
} GlueRecorder;

/* What the glue calls while it replays. Nothing may be thrown through it. */
typedef struct GlueReplayer {
    /* Returns the input that the running instruction asks for. kind: of recorder/format/kinds.h. address: of
     * the device, the port or the MSR. value2: NULL if the kind has none. */
    uint64_t (*take)(int kind, unsigned size, uint64_t address, uint64_t* value2);
    /* Returns the vector of the interrupt that is being delivered. */
    int (*vector)(void);
    /* The processor has halted. Returns whether it goes on. */
    bool (*wake)(void);
    /* The budget is spent, or an exception was taken: applies what is due, and grants more. */
    void (*between_blocks)(void);
    /* Makes the machine. Returns false if there is nothing to run. */
    bool (*start)(void);
    /* Returns whether the processor is to go on after it has left QEMU's loop. */
    bool (*running)(void);
    /* The replay is over. Does not return. */
    void (*ended)(void);
    /* What the guest writes to a port. */
    void (*port_write)(unsigned port, unsigned size, uint32_t value);
} GlueReplayer;

/* Install one of the two, which stays there; they return what panda_engine_init() returns. add_hooks: is
 * called with the table of hooks, to add those of tracing. */
const void* glue_install_recorder(const GlueRecorder* recorder);
struct PandaHooks;
const void* glue_install_replayer(const GlueReplayer* replayer, void (*add_hooks)(struct PandaHooks*));

/* Switches record mode, in which hooks report inputs, on or off. */
void glue_set_recording(bool on);
/* Pauses the machine; returns whether it ran. */
bool glue_pause(void);
void glue_resume(void);
/* Calls `function` from the main loop, soon. */
void glue_defer(void (*function)(void*), void* argument);
/* Prints a sentence as QEMU prints its errors. */
void glue_complain(const char* message);
/* Replay: requests an interrupt (as GlueRecorder::interrupt has it), which is taken before the next block. */
void glue_request_interrupt(int request);
/* Replay: sets the A20 gate. */
void glue_set_a20(bool enabled);
/* Replay: makes the processor leave QEMU's loop soon. */
void glue_leave_loop(void);

#ifdef __cplusplus
}
#endif
#endif
