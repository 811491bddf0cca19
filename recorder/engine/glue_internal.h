/* Shared by the glue's files only. */
#ifndef PANDA_RECORDER_ENGINE_GLUE_INTERNAL_H
#define PANDA_RECORDER_ENGINE_GLUE_INTERNAL_H

void glue_count_exception(void);
void glue_count_input(void);
/* Before a block is abandoned: whether the first of the instructions that it had to go counts as executed. */
bool glue_counts_fault(int instructions_left);
/* Instructions that may be executed before the engine is asked again. */
uint64_t glue_budget_left(void);
void glue_refill(CPUState* cpu, TranslationBlock* tb);
/* The index of the block behind `mr` in glue_blocks(), or UINT32_MAX. */
uint32_t glue_block_index(MemoryRegion* mr);
/* 1 + the place of the device that `object` is in glue_devices(), or 0. */
uint32_t glue_device_index(Object* object);

#endif
