/* Between the helpers of QEMU as bitcode and the program that runs them: plain C, no QEMU header. Names that start with
 * lift_ are the door's. The state is QEMU's CPUX86State, of which only the layout file (state_layout.py) tells the rest
 * of this project. */
#ifndef PANDA_RECORDER_QEMU_HELPERS_DOOR_H
#define PANDA_RECORDER_QEMU_HELPERS_DOOR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- What the program gives ---- */

/* The guest's memory, by linear address. packed: QEMU's MemOpIdx. Loads give the bytes as a little-endian number, with
 * zeros above. A helper that is left by an exception does not come back from these. */
uint64_t lift_load(void* state, uint64_t address, uint32_t packed);
void lift_store(void* state, uint64_t address, uint64_t value, uint32_t packed);
/* 16 bytes: the low half first. */
void lift_load_wide(void* state, uint64_t address, uint32_t packed, uint64_t* value);
void lift_store_wide(void* state, uint64_t address, uint64_t low, uint64_t high, uint32_t packed);

/* An input that the running instruction asks for: the recorder's numbers (PandaInput in exec/panda-hooks.h). */
uint64_t lift_input(int kind, unsigned size, uint64_t address, uint64_t* second);

/* Leaves the block because of an exception, or of what leaves the loop as one does; the state has its number. Does not
 * return. */
void lift_leave(void);
/* The same because a part of QEMU is asked for that is not in the bitcode; its name. */
void lift_missing(const char* name);

/* ---- What the bitcode gives ---- */

/* The state is a part of an object of so many bytes, which starts as zeros; where in it. */
uint64_t lift_object_size(void);
void* lift_state_of(void* object);
/* rflags, of which QEMU keeps parts in several fields. */
uint64_t lift_get_flags(const void* state);
void lift_set_flags(void* state, uint64_t flags);
/* The processor's mode, as block definitions have it (BlockView::flags). */
void lift_set_mode(void* state, uint64_t flags);
/* Makes the state one with which helpers can work: the processor has all features, and its floating point is as after
 * FNINIT. */
void lift_initialize(void* state);
/* The control words of x87 and SSE, from which softfloat's modes follow. */
void lift_set_floating_control(void* state, uint32_t x87, uint32_t mxcsr);
/* MXCSR with the exceptions that QEMU has not put into it yet: it does so when the guest asks. */
uint32_t lift_get_mxcsr(void* state);
/* The number of the exception that left a block, or -1. */
int lift_exception(const void* state);

#ifdef __cplusplus
}
#endif
#endif
