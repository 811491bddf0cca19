/* The machine around the processor: what it is, its pauses, its main loop and its messages. */
#include "qemu/osdep.h"
#include "qemu/error-report.h"
#include "qemu/main-loop.h"
#include "qemu-version.h"
#include "block/aio.h"
#include "cpu.h"
#include "hw/boards.h"
#include "hw/core/cpu.h"
#include "system/cpu-timers.h"
#include "system/cpus.h"
#include "system/iothread.h"
#include "system/runstate.h"
#include "system/tcg.h"
#include "recorder/engine/glue.h"

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

void glue_complain(const char *message)
{
    error_report("%s", message);
}

void glue_defer(void (*function)(void *), void *argument)
{
    aio_bh_schedule_oneshot(qemu_get_aio_context(), function, argument);
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
