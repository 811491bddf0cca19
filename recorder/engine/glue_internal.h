/* What only the glue's files share among themselves. */
#ifndef PANDA_RECORDER_ENGINE_GLUE_INTERNAL_H
#define PANDA_RECORDER_ENGINE_GLUE_INTERNAL_H

#include "exec/panda-hooks.h"
#include "recorder/format/kinds.h"

/* The kind of entry that a recording has for an input. */
static inline int glue_entry_kind(enum PandaInput input) {
    static const uint8_t kinds[] = {
        [PANDA_MMIO_READ] = recording_mmio_read,
        [PANDA_PORT_READ] = recording_port_read,
        [PANDA_TIME_STAMP] = recording_time_stamp,
        [PANDA_MSR_READ] = recording_msr_read,
        [PANDA_TASK_PRIORITY_READ] = recording_task_priority_read,
        [PANDA_RANDOM] = recording_random,
        [PANDA_CPUID] = recording_cpuid,
    };

    return kinds[input];
}

/* The processor takes an exception; its running instruction is given an input. */
void glue_count_exception(void);
void glue_count_input(void);
/* glue_instr() for PandaHooks. */
int64_t glue_instructions(void);
/* Before a block is abandoned: returns whether the first of the instructions that it has left counts as
 * executed. */
bool glue_counts_fault(int instructions_left);
/* Returns how many instructions may be executed before the engine is asked again. */
uint64_t glue_budget_left(void);
/* The block `tb` did not start because the counter did not suffice: refills it from the budget. */
void glue_refill(CPUState* cpu, TranslationBlock* tb);
/* The index of the block behind `mr` in glue_blocks(), or UINT32_MAX. */
uint32_t glue_block_index(MemoryRegion* mr);
/* Hooks of PandaHooks: a device maps and unmaps RAM (glue_mapping.c). */
void* glue_map_ram(MemoryRegion* region, hwaddr offset, hwaddr* size, bool is_write);
MemoryRegion* glue_unmap_ram(void* buffer, hwaddr size, hwaddr written);
/* 1 + the place of the device that `object` is in glue_devices(), or 0. */
uint32_t glue_device_index(Object* object);

#endif
