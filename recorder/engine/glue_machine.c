/* The hooks of the patched QEMU (exec/panda-hooks.h), turned into calls of a recorder or a replayer, and the machine
 * around the processor. */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/config-file.h"
#include "qemu/main-loop.h"
#include "qemu-version.h"
#include "qapi/error.h"
#include "qapi/qmp-registry.h"
#include "qobject/qdict.h"
#include "qobject/qstring.h"
#include "block/aio.h"
#include "cpu.h"
#include "exec/panda-hooks.h"
#include "exec/cputlb.h"
#include "exec/exec-all.h"
#include "exec/translation-block.h"
#include "hw/boards.h"
#include "hw/core/cpu.h"
#include "monitor/monitor.h"
#include "system/cpu-timers.h"
#include "system/cpus.h"
#include "system/iothread.h"
#include "system/replay.h"
#include "system/runstate.h"
#include "system/system.h"
#include "system/tcg.h"
#include "glue_internal.h"
#include "recorder/engine/glue.h"

static const GlueRecorder *recorder;
static const GlueReplayer *replayer;

/* ---- Both ---- */

static bool exception_taken;

static void on_exception(CPUState *cpu)
{
    glue_count_exception();
    exception_taken = true;
}

static int64_t instructions(void)
{
    return first_cpu ? glue_instr() : 0; /* its TLBs are made before it is listed */
}

void glue_complain(const char *message)
{
    error_report("%s", message);
}

void glue_defer(void (*function)(void *), void *argument)
{
    aio_bh_schedule_oneshot(qemu_get_aio_context(), function, argument);
}

/* ---- Record ---- */

static void give(enum PandaInput kind, unsigned size, uint64_t value, uint64_t value2)
{
    glue_count_input();
    recorder->give(kind, size, value, value2);
}

static void give_interrupt(int request, int vector)
{
    recorder->interrupt(request, vector);
}

static void give_wake(void)
{
    recorder->wake();
}

static void budget_spent_recording(CPUState *cpu, TranslationBlock *tb)
{
    glue_grant(0xffff);
    recorder->budget();
}

/* Writes of the processor itself (SMM, SVM) come here too; they happen at replay by themselves. */
static void ram_written(MemoryRegion *mr, uint64_t addr, uint64_t size)
{
    const uint32_t block = glue_block_index(mr);

    if (qemu_cpu_is_self(first_cpu) && panda_device_depth == 0) {
        return;
    }
    if (!qemu_cpu_is_self(first_cpu) && !bql_locked()) {
        recorder->impossible("a device writes to memory from a thread of its own");
        return;
    }
    if (block == UINT32_MAX) {
        recorder->impossible("memory was added to the machine");
    } else if (size > 0) {
        recorder->written(block, addr, (uint8_t *)memory_region_get_ram_ptr(mr) + addr, size,
                          glue_device_index(panda_writer ? panda_writer : memory_region_owner(mr)));
    }
}

static void memory_map_changed(CPUState *cpu, int index)
{
    recorder->memory_map(index);
}

static void machine_reset(bool before)
{
    recorder->reset(before);
}

static void registers_written(void)
{
    recorder->registers_written();
}

static void a20_changed(CPUState *cpu, bool enabled)
{
    recorder->a20(enabled);
}

static void begin_record(const char *name, bool force, Error **errp)
{
    char *message = NULL;

    if (!recorder) {
        error_setg(errp, "this machine replays: it cannot record");
    } else if (!recorder->begin(name, force, NULL, &message)) {
        error_setg(errp, "%s", message);
    }
    free(message);
}

static void end_record(Error **errp)
{
    char *message = NULL;

    if (!recorder || !recorder->end(&message)) {
        error_setg(errp, "%s", message ? message : "nothing is being recorded");
    }
    free(message);
}

static void qmp_begin_record(QDict *args, QObject **result, Error **errp)
{
    const char *name = qdict_get_try_str(args, "name");
    QDict *facts = qdict_get_qdict(args, "facts");
    g_autoptr(GPtrArray) pairs = g_ptr_array_new();
    char *message = NULL;

    if (!name) {
        error_setg(errp, "begin_record needs a name");
        return;
    }
    if (facts) {
        for (const QDictEntry *e = qdict_first(facts); e; e = qdict_next(facts, e)) {
            QString *value = qobject_to(QString, qdict_entry_value(e));

            if (value) {
                g_ptr_array_add(pairs, (gpointer)qdict_entry_key(e));
                g_ptr_array_add(pairs, (gpointer)qstring_get_str(value));
            }
        }
    }
    g_ptr_array_add(pairs, NULL);
    if (!recorder->begin(name, qdict_get_try_bool(args, "force", false), (const char *const *)pairs->pdata, &message)) {
        error_setg(errp, "%s", message);
    }
    free(message);
    *result = QOBJECT(qdict_new());
}

static void qmp_end_record(QDict *args, QObject **result, Error **errp)
{
    end_record(errp);
    *result = QOBJECT(qdict_new());
}

void glue_set_recording(bool on)
{
    panda_mode = on ? PANDA_RECORD : PANDA_OFF;
}

bool glue_pause(void)
{
    const bool ran = runstate_is_running();

    if (ran) {
        vm_stop(RUN_STATE_PAUSED);
    }
    return ran;
}

void glue_resume(void)
{
    vm_start();
}

static void on_run_state(void *opaque, bool running, RunState state)
{
    static bool started;

    if (state == RUN_STATE_RESTORE_VM && panda_mode == PANDA_RECORD) {
        recorder->impossible("the machine is restored from a snapshot");
    }
    if (running && !started) {
        started = true;
        recorder->power_on();
    }
}

static void on_shutdown(Notifier *notifier, void *data)
{
    recorder->shutting_down();
}

static void on_machine_done(Notifier *notifier, void *data)
{
    extern QmpCommandList qmp_commands;

    qmp_register_command(&qmp_commands, "begin_record", qmp_begin_record, (QmpCommandOptions)0, 0);
    qmp_register_command(&qmp_commands, "end_record", qmp_end_record, (QmpCommandOptions)0, 0);
    qemu_add_vm_change_state_handler(on_run_state, NULL);
}

static const PandaHooks record_hooks = {
    .give = give,
    .give_interrupt = give_interrupt,
    .give_wake = give_wake,
    .exception = on_exception,
    .budget_spent = budget_spent_recording,
    .instructions = instructions,
    .ram_written = ram_written,
    .memory_map_changed = memory_map_changed,
    .a20_changed = a20_changed,
    .machine_reset = machine_reset,
    .registers_written = registers_written,
    .begin_record = begin_record,
    .end_record = end_record,
};

const void *glue_install_recorder(const GlueRecorder *new_recorder)
{
    static Notifier machine_done = { .notify = on_machine_done };
    static Notifier shutdown = { .notify = on_shutdown };
    static Notifier leaving = { .notify = on_shutdown };

    recorder = new_recorder;
    /* It patches the guest's code behind every hook. */
    qemu_global_option("apic-common.vapic=off");
    qemu_add_machine_init_done_notifier(&machine_done);
    qemu_register_shutdown_notifier(&shutdown);
    qemu_add_exit_notifier(&leaving);
    return &record_hooks;
}

static int is_iothread(Object *object, void *opaque)
{
    return object_dynamic_cast(object, TYPE_IOTHREAD) != NULL;
}

void glue_machine(GlueMachine *out)
{
    static char *processor;
    const X86CPUClass *class = X86_CPU_GET_CLASS(first_cpu);

    g_free(processor);
    processor = g_strdup(object_class_get_name(OBJECT_CLASS(class)));
    if (g_str_has_suffix(processor, "-" TYPE_X86_CPU)) {
        processor[strlen(processor) - strlen("-" TYPE_X86_CPU)] = '\0';
    }
    *out = (GlueMachine){
        .type = MACHINE_GET_CLASS(current_machine)->name,
        .processor = processor,
        .kernel_command_line = current_machine->kernel_cmdline ? current_machine->kernel_cmdline : "",
        .kernel = current_machine->kernel_filename,
        .initrd = current_machine->initrd_filename,
        .qemu_version = QEMU_VERSION,
        .memory = current_machine->ram_size,
        .processors = current_machine->smp.cpus,
        .one_thread = tcg_enabled() && !qemu_tcg_mttcg_enabled() && !icount_enabled(),
        .has_iothreads = object_child_foreach(object_get_objects_root(), is_iothread, NULL) != 0,
    };
}

/* ---- Replay ---- */

static uint64_t take(enum PandaInput kind, unsigned size, uint64_t address, uint64_t *value2)
{
    glue_count_input();
    return replayer->take(kind, size, address, value2);
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

static PandaHooks replay_hooks = {
    .take = take,
    .take_vector = take_vector,
    .take_wake = take_wake,
    .port_write = port_write,
    .exception = on_exception,
    .budget_spent = glue_refill,
    .between_blocks = between_blocks,
    .replay_loop = replay_loop,
    .instructions = instructions,
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
