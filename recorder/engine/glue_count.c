/* Exact instruction counts, from TCG's CF_USE_ICOUNT code without the icount clock.
 *
 * Translated code takes each block's instructions from icount_decr.u16.low before the block starts, and leaves for the
 * main loop when that does not suffice (QEMU accel/tcg/translator.c gen_tb_start). The rest of the budget waits in
 * icount_extra. So: executed = limit - low - extra. */
#include "qemu/osdep.h"
#include "cpu.h"
#include "glue_internal.h"
#include "recorder/engine/glue.h"
#include "tcg/tcg.h"
#include "exec/translation-block.h"
#include "hw/core/cpu.h"

static struct {
    uint64_t limit;           /* instructions executed when the budget is spent */
    uint64_t exception_instr; /* where the last exception was taken … */
    uint32_t exceptions;      /* … and how many there */
    uint64_t input_instr;     /* executed, with the instruction that was given the last input */
} count;

uint64_t glue_instr(void)
{
    return count.limit - first_cpu->neg.icount_decr.u16.low - first_cpu->icount_extra;
}

int64_t glue_instructions(void)
{
    return first_cpu ? glue_instr() : 0; /* its TLBs are made before it is listed */
}

uint64_t glue_budget_left(void)
{
    return first_cpu->neg.icount_decr.u16.low + first_cpu->icount_extra;
}

uint32_t glue_exceptions(void)
{
    return glue_instr() == count.exception_instr ? count.exceptions : 0;
}

void glue_count_input(void)
{
    count.input_instr = glue_instr();
}

/* An instruction that was given an input and then faults is counted: the input has its position, and what follows may
 * not stand before it. */
bool glue_counts_fault(int instructions_left)
{
    return instructions_left == 1 && count.input_instr == glue_instr();
}

void glue_count_exception(void)
{
    if (count.input_instr == glue_instr() + 1) {
        count.limit++;
    }
    const uint64_t now = glue_instr();

    count.exceptions = (now == count.exception_instr ? count.exceptions : 0) + 1;
    count.exception_instr = now;
}

void glue_grant(uint64_t instructions)
{
    CPUState *cpu = first_cpu;
    const uint64_t now = glue_instr();

    count.limit = now + instructions;
    cpu->neg.icount_decr.u16.low = MIN(instructions, glue_counter_limit);
    cpu->icount_extra = instructions - cpu->neg.icount_decr.u16.low;
}

/* The block `tb` did not start, for want of budget: refill, and cut the block to what may still run. */
void glue_refill(CPUState *cpu, TranslationBlock *tb)
{
    const uint64_t left = cpu->neg.icount_decr.u16.low + cpu->icount_extra;

    cpu->neg.icount_decr.u16.low = MIN(left, glue_counter_limit);
    cpu->icount_extra = left - cpu->neg.icount_decr.u16.low;
    if (left > 0 && left < tb->icount) {
        cpu->cflags_next_tb = (tb_cflags(tb) & ~CF_COUNT_MASK) | left;
    }
}

void glue_count_start(void)
{
    CPUState *cpu = first_cpu;

    cpu->neg.icount_decr.u16.low = 0;
    cpu->icount_extra = 0;
    count.limit = 0;
    count.exception_instr = UINT64_MAX;
    count.exceptions = 0;
    count.input_instr = 0;
    tcg_cflags_set(cpu, CF_USE_ICOUNT);
}

void glue_count_stop(void)
{
    CPUState *cpu = first_cpu;

    cpu->tcg_cflags &= ~CF_USE_ICOUNT;
    cpu->neg.icount_decr.u16.low = 0;
    cpu->icount_extra = 0;
    cpu->cflags_next_tb = -1;
}
