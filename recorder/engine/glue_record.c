/* The hooks of the patched QEMU (exec/panda-hooks.h) while it records, turned into calls of a recorder, and the commands
 * of the monitor. */
#include "qemu/osdep.h"
#include "qemu/config-file.h"
#include "qemu/main-loop.h"
#include "qapi/error.h"
#include "qapi/qmp-registry.h"
#include "qobject/qdict.h"
#include "qobject/qstring.h"
#include "cpu.h"
#include "exec/panda-hooks.h"
#include "exec/translation-block.h"
#include "hw/core/cpu.h"
#include "system/runstate.h"
#include "system/system.h"
#include "glue_internal.h"
#include "recorder/engine/glue.h"

static const GlueRecorder *recorder;

/* ---- Inputs ---- */

static void on_exception(CPUState *cpu)
{
    glue_count_exception();
}

static void give(enum PandaInput input, unsigned size, uint64_t value, uint64_t value2)
{
    glue_count_input();
    recorder->give(glue_entry_kind(input), size, value, value2);
}

/* What the running instruction calls may write to the processor's general registers (VMware's port does). */

static target_ulong registers_before[CPU_NB_REGS];

static void device_entered(void)
{
    memcpy(registers_before, cpu_env(first_cpu)->regs, sizeof(registers_before));
}

static void device_left(void)
{
    const target_ulong *registers = cpu_env(first_cpu)->regs;

    for (unsigned i = 0; i < CPU_NB_REGS; i++) {
        if (registers[i] != registers_before[i]) {
            recorder->register_written(i, registers[i]);
        }
    }
}

/* The numbers of QEMU that recordings hold. */
_Static_assert(CPU_INTERRUPT_HARD == recording_interrupt_hard && CPU_INTERRUPT_SMI == recording_interrupt_smi &&
                   CPU_INTERRUPT_NMI == recording_interrupt_nmi && CPU_INTERRUPT_INIT == recording_interrupt_init,
               "recordings of another QEMU have other requests: translate them here and in glue_replay.c");

static void give_interrupt(int request, int vector)
{
    recorder->interrupt(request, vector);
}

static void give_wake(void)
{
    recorder->wake();
}

static void budget_spent(CPUState *cpu, TranslationBlock *tb)
{
    glue_grant(glue_counter_limit);
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

static void *map_ram(MemoryRegion *mr, hwaddr addr, hwaddr *len, bool is_write)
{
    if (!bql_locked()) {
        recorder->impossible("a device maps memory on a thread of its own");
        return NULL;
    }
    return glue_map_ram(mr, addr, len, is_write);
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

/* ---- Monitor ---- */

static void begin_record(const char *name, bool force, Error **errp)
{
    char *message = NULL;

    if (!recorder->begin(name, force, NULL, &message)) {
        error_setg(errp, "%s", message);
    }
    free(message);
}

static void end_record(Error **errp)
{
    char *message = NULL;

    if (!recorder->end(&message)) {
        error_setg(errp, "%s", message);
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

/* ---- The machine's life ---- */

void glue_set_recording(bool on)
{
    panda_mode = on ? PANDA_RECORD : PANDA_OFF;
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
    .device_entered = device_entered,
    .device_left = device_left,
    .give_interrupt = give_interrupt,
    .give_wake = give_wake,
    .exception = on_exception,
    .budget_spent = budget_spent,
    .instructions = glue_instructions,
    .ram_written = ram_written,
    .map_ram = map_ram,
    .unmap_ram = glue_unmap_ram,
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
