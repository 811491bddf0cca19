/* The x86 processor: its state in canonical form (GlueProcessor), and all of its state as bytes. */
#include "qemu/osdep.h"
#include "accel/tcg/cpu-ops.h"
#include "cpu.h"
#include "exec/cputlb.h"
#include "hw/core/cpu.h"
#include "hw/i386/x86.h"
#include "hw/qdev-core.h"
#include "io/channel-buffer.h"
#include "migration/qemu-file.h"
#include "migration/vmstate.h"
#include "qapi/error.h"
#include "exec/panda-hooks.h"
#include "fpu/softfloat-helpers.h"
#include "recorder/engine/glue.h"

static GlueSegment segment(const SegmentCache *cache)
{
    return (GlueSegment){ cache->selector, cache->base, cache->limit, cache->flags };
}

/* The flags, including the arithmetic flags, which TCG computes only when they are needed. */
static uint64_t flags(CPUX86State *env)
{
    return cpu_compute_eflags(env);
}

static void fill_vector(const CPUX86State *env, GlueProcessor *out)
{
    out->vector.mxcsr = env->mxcsr;
    for (int i = 0; i < CPU_NB_REGS; i++) {
        memcpy(out->vector.registers[i], &env->xmm_regs[i], 64);
    }
}

static void fill_x87(const CPUX86State *env, GlueProcessor *out)
{
    out->x87.control = env->fpuc;
    out->x87.status = env->fpus;
    out->x87.top = env->fpstt;
    out->x87.instruction_pointer = env->fpip;
    out->x87.data_pointer = env->fpdp;
    memcpy(out->x87.tags, env->fptags, 8);
    for (int i = 0; i < 8; i++) {
        memcpy(out->x87.registers[i], &env->fpregs[i].d, 10);
    }
}

void glue_processor(GlueProcessor *out)
{
    CPUX86State *env = cpu_env(first_cpu);

    memset(out, 0, sizeof(*out));
    out->flow.rip = env->eip;
    out->flow.rflags = flags(env);
    for (int i = 0; i < CPU_NB_REGS; i++) {
        out->general[i] = env->regs[i];
    }
    for (int i = 0; i < 6; i++) {
        out->segmentation.segments[i] = segment(&env->segs[i]);
    }
    out->segmentation.ldt = segment(&env->ldt);
    out->segmentation.task = segment(&env->tr);
    out->segmentation.gdt_base = env->gdt.base;
    out->segmentation.gdt_limit = env->gdt.limit;
    out->segmentation.idt_base = env->idt.base;
    out->segmentation.idt_limit = env->idt.limit;
    out->control.cr0 = env->cr[0];
    out->control.cr2 = env->cr[2];
    out->control.cr3 = env->cr[3];
    out->control.cr4 = env->cr[4];
    for (int i = 0; i < 8; i++) {
        out->control.dr[i] = env->dr[i];
    }
    out->control.a20 = env->a20_mask;
    out->control.xcr0 = env->xcr0;
    out->control.hflags_smm = env->hflags & HF_SMM_MASK;
    out->msr.efer = env->efer;
    out->msr.star = env->star;
    out->msr.lstar = env->lstar;
    out->msr.cstar = env->cstar;
    out->msr.fmask = env->fmask;
    out->msr.kernel_gs_base = env->kernelgsbase;
    out->msr.sysenter_cs = env->sysenter_cs;
    out->msr.sysenter_esp = env->sysenter_esp;
    out->msr.sysenter_eip = env->sysenter_eip;
    out->msr.tsc_aux = env->tsc_aux;
    out->msr.pat = env->pat;
    out->msr.misc_enable = env->msr_ia32_misc_enable;
    out->msr.pkru = env->pkru;
    fill_x87(env, out);
    fill_vector(env, out);
}

/* What the CPU model decides. A migration stream does not have it, because there the command line decides it. It stands
 * before the migration stream. */
typedef struct Model {
    uint32_t size; /* of this struct; `size` and `words` differ between builds of QEMU that do not match */
    uint32_t words;
    uint32_t halted;
    uint32_t phys_bits;
    uint32_t vendor[3];
    uint32_t version;
    uint32_t level, xlevel, xlevel2;
    uint64_t features[FEATURE_WORDS];
} Model;

static void model_get(Model *model)
{
    X86CPU *cpu = X86_CPU(first_cpu);
    CPUX86State *env = &cpu->env;

    *model = (Model){
        .size = sizeof(Model),
        .words = FEATURE_WORDS,
        .halted = first_cpu->halted,
        .phys_bits = cpu->phys_bits,
        .vendor = { env->cpuid_vendor1, env->cpuid_vendor2, env->cpuid_vendor3 },
        .version = env->cpuid_version,
        .level = env->cpuid_level,
        .xlevel = env->cpuid_xlevel,
        .xlevel2 = env->cpuid_xlevel2,
    };
    for (int i = 0; i < FEATURE_WORDS; i++) {
        model->features[i] = env->features[i];
    }
}

static void model_set(const Model *model)
{
    X86CPU *cpu = X86_CPU(first_cpu);
    CPUX86State *env = &cpu->env;

    first_cpu->halted = model->halted;
    cpu->phys_bits = model->phys_bits;
    env->cpuid_vendor1 = model->vendor[0];
    env->cpuid_vendor2 = model->vendor[1];
    env->cpuid_vendor3 = model->vendor[2];
    env->cpuid_version = model->version;
    env->cpuid_level = model->level;
    env->cpuid_xlevel = model->xlevel;
    env->cpuid_xlevel2 = model->xlevel2;
    for (int i = 0; i < FEATURE_WORDS; i++) {
        env->features[i] = model->features[i];
    }
}

/* What a migration stream leaves out and a guest can see. It stands behind the stream. Recordings that were made before it
 * was there end without it. */
typedef struct Rest {
    uint32_t sse_flags; /* exceptions that MXCSR gets when it is read */
    int32_t old_exception; /* in whose delivery another one makes a double fault */
    int64_t tsc_khz;       /* in the stream only if the machine says so */
    uint64_t magic;
} Rest;

static const uint64_t rest_magic = UINT64_C(0x7473657261646e70);

static void rest_set(const uint8_t *data, size_t size)
{
    CPUX86State *env = cpu_env(first_cpu);
    Rest rest;

    if (size < sizeof(Model) + sizeof(rest)) {
        return;
    }
    memcpy(&rest, data + size - sizeof(rest), sizeof(rest));
    if (rest.magic == rest_magic) {
        set_float_exception_flags(rest.sse_flags, &env->sse_status);
        env->old_exception = rest.old_exception;
        env->tsc_khz = rest.tsc_khz;
    }
}

/* The parts of the stream. One of them asks the machine whether it belongs there, which the empty board of a replay, not
 * being a PC, cannot be asked. */
static const VMStateDescription *parts_of_processor(void)
{
    enum { most = 64 };
    static const VMStateDescription *parts[most + 1];
    static VMStateDescription processor;
    unsigned count = 0;

    if (object_dynamic_cast(qdev_get_machine(), TYPE_X86_MACHINE)) {
        return &vmstate_x86_cpu;
    }
    for (const VMStateDescription *const *part = vmstate_x86_cpu.subsections; *part && count < most; part++) {
        if (strcmp((*part)->name, "cpu/tsc_khz") != 0) {
            parts[count++] = *part;
        }
    }
    parts[count] = NULL;
    processor = vmstate_x86_cpu;
    processor.subsections = parts;
    return &processor;
}

uint8_t *glue_processor_save(size_t *size)
{
    QIOChannelBuffer *channel = qio_channel_buffer_new(64 * 1024);
    QEMUFile *file = qemu_file_new_output(QIO_CHANNEL(channel));
    X86CPU *cpu = X86_CPU(first_cpu);
    const Rest rest = { .sse_flags = get_float_exception_flags(&cpu->env.sse_status),
                        .old_exception = cpu->env.old_exception,
                        .tsc_khz = cpu->env.tsc_khz,
                        .magic = rest_magic };
    Model model;
    uint8_t *data;

    model_get(&model);
    /* A replay saves it within its loop, where the flags are kept in parts. */
    if (first_cpu->running) {
        first_cpu->cc->tcg_ops->cpu_exec_exit(first_cpu);
    }
    vmstate_save_state(file, parts_of_processor(), cpu, NULL);
    if (first_cpu->running) {
        first_cpu->cc->tcg_ops->cpu_exec_enter(first_cpu);
    }
    qemu_fflush(file);
    *size = sizeof(model) + channel->usage + sizeof(rest);
    data = malloc(*size);
    memcpy(data, &model, sizeof(model));
    memcpy(data + sizeof(model), channel->data, channel->usage);
    memcpy(data + sizeof(model) + channel->usage, &rest, sizeof(rest));
    qemu_fclose(file);
    object_unref(OBJECT(channel));
    return data;
}

/* A saved state leaves out what has its value after a reset (the optional parts of a migration stream), so it needs a
 * processor that was just reset, or what was there before would survive. A request of the interrupt controller is not
 * part of that state. */
static void reset_processor(void)
{
    const uint32_t interrupt_request = first_cpu->interrupt_request;

    cpu_reset(first_cpu);
    first_cpu->interrupt_request = interrupt_request;
}

const char *glue_processor_load(const uint8_t *data, size_t size)
{
    QIOChannelBuffer *channel;
    QEMUFile *file;
    Model model;
    int result;

    if (size < sizeof(model)) {
        return "the processor state is too short";
    }
    memcpy(&model, data, sizeof(model));
    if (model.size != sizeof(model) || model.words != FEATURE_WORDS) {
        return "the processor state was written by another version of QEMU";
    }
    reset_processor();
    model_set(&model);
    channel = qio_channel_buffer_new(size);
    channel->usage = size - sizeof(model);
    memcpy(channel->data, data + sizeof(model), channel->usage);
    file = qemu_file_new_input(QIO_CHANNEL(channel));
    result = vmstate_load_state(file, &vmstate_x86_cpu, X86_CPU(first_cpu), vmstate_x86_cpu.version_id);
    qemu_fclose(file);
    object_unref(OBJECT(channel));
    rest_set(data, size);
    /* It has the flags as they are between two runs of the processor; in its loop they are kept in parts. */
    if (first_cpu->running) {
        first_cpu->cc->tcg_ops->cpu_exec_enter(first_cpu);
    }
    return result == 0 ? NULL : "the processor state does not load";
}

void glue_set_register(unsigned index, uint64_t value)
{
    cpu_env(first_cpu)->regs[index] = value;
}

void glue_tlb_reset(void)
{
    panda_tlb_reset(first_cpu);
}

bool glue_halted(void)
{
    return first_cpu->halted;
}
