/* The hooks of the patched QEMU (exec/panda-hooks.h) while it replays, turned into calls of a replayer. */
#include "qemu/osdep.h"
#include "qemu/main-loop.h"
#include "qapi/error.h"
#include "cpu.h"
#include "exec/cputlb.h"
#include "exec/exec-all.h"
#include "exec/panda-hooks.h"
#include "exec/translation-block.h"
#include "hw/core/cpu.h"
#include "glue_internal.h"
#include "recorder/engine/glue.h"

static const GlueReplayer *replayer;
static bool exception_taken; /* since between_blocks() looked last */

static void on_exception(CPUState *cpu)
{
    glue_count_exception();
    exception_taken = true;
}

static uint64_t take(enum PandaInput input, unsigned size, uint64_t address, uint64_t *value2)
{
    glue_count_input();
    return replayer->take(glue_entry_kind(input), size, address, value2);
}

static int take_vector(void)
{
    return replayer->vector();
}

static bool take_wake(void)
{
    return replayer->wake();
}

static void port_write(unsigned port, unsigned size, uint32_t value)
{
    replayer->port_write(port, size, value);
}

/* Nothing can be due while there is budget, unless the processor has just taken an exception. */
static void between_blocks(CPUState *cpu)
{
    if (glue_budget_left() == 0 || exception_taken) {
        exception_taken = false;
        replayer->between_blocks();
    }
}

static void replay_loop(CPUState *cpu)
{
    if (replayer->start()) {
        tcg_cflags_set(cpu, CF_USE_ICOUNT);
        qatomic_set(&cpu->exit_request, false);
        bql_unlock();
        while (replayer->running()) {
            int tcg_cpu_exec(CPUState * cpu);

            tcg_cpu_exec(cpu);
        }
        bql_lock();
    }
    replayer->ended();
}

void glue_request_interrupt(int request)
{
    first_cpu->interrupt_request |= request;
}

void glue_set_a20(bool enabled)
{
    CPUX86State *env = cpu_env(first_cpu);

    tlb_flush(first_cpu);
    env->a20_mask = ~(1 << 20) | (enabled << 20);
}

void glue_leave_loop(void)
{
    cpu_exit(first_cpu);
}

static void begin_record(const char *name, bool force, Error **errp)
{
    error_setg(errp, "this machine replays: it cannot record");
}

static void end_record(Error **errp)
{
    error_setg(errp, "nothing is being recorded");
}

static PandaHooks replay_hooks = {
    .take = take,
    .take_vector = take_vector,
    .take_wake = take_wake,
    .port_write = port_write,
    .exception = on_exception,
    .budget_spent = glue_refill,
    .between_blocks = between_blocks,
    .replay_loop = replay_loop,
    .instructions = glue_instructions,
    .begin_record = begin_record,
    .end_record = end_record,
};

const void *glue_install_replayer(const GlueReplayer *new_replayer, void (*add_hooks)(struct PandaHooks *))
{
    replayer = new_replayer;
    panda_mode = PANDA_REPLAY;
    add_hooks(&replay_hooks);
    return &replay_hooks;
}
