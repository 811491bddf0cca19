/* The tracing hooks of the patched QEMU (exec/panda-hooks.h), turned into calls of a tracer. */
#include "qemu/osdep.h"
#include "cpu.h"
#include "exec/cputlb.h"
#include "exec/exec-all.h"
#include "exec/panda-hooks.h"
#include "exec/translation-block.h"
#include "exec/translator.h"
#include "hw/core/cpu.h"
#include "tcg/tcg.h"
#include "recorder/engine/glue_internal.h"
#include "replayer/engine/trace_glue.h"
#include "replayer/engine/trace_host.h"
#include "replayer/engine/trace_instrument.h"
#include "replayer/engine/trace_tcg_code.h"

static const GlueTracer *tracer;
static Instrumentation *instrumentation;
static GlueTraceColumns traced;

/* Accesses by physical address: the page walker's own, which TLBs of their own serve. */
static bool is_physical(int mmu_idx)
{
    return mmu_idx >= MMU_PHYS_IDX;
}

static unsigned address_space_of(MemTxAttrs attrs)
{
    return attrs.secure ? 1 : 0; /* as x86_asidx_from_attrs() */
}

static uint64_t physical(CPUState *cpu, uint64_t address)
{
    const hwaddr page = cpu_get_phys_page_debug(cpu, address & TARGET_PAGE_MASK);

    return page == (hwaddr)-1 ? UINT64_MAX : page | (address & ~TARGET_PAGE_MASK);
}

static void ring_full(CPUArchState *env, uint32_t id)
{
    tracer->ring_full(id);
}

/* From translated code, which has written back all that it keeps in the host's registers. */
static void report_registers(CPUArchState *env)
{
    uint64_t values[block_registers];

    for (int i = 0; i < CPU_NB_REGS; i++) {
        values[i] = env->regs[i];
    }
    values[rflags_number] = cpu_compute_eflags(env);
    tracer->block_registers(values);
}

typedef struct Operations {
    const GlueOperation *operations;
    size_t count;
    const GlueRegisterChange *changes;
    size_t change_count;
} Operations;

static uint32_t define(CPUState *cpu, const DisasContextBase *block, const uint8_t *code, const uint16_t *offsets,
                       int first, Operations operations)
{
    static GByteArray *tcg; /* kept, for its memory */
    static const uint16_t start;
    const uint64_t pc = block->pc_first + offsets[first];
    const size_t size = block->tb->size - offsets[first];
    const uint64_t second_page = (pc & TARGET_PAGE_MASK) + TARGET_PAGE_SIZE;

    if (!tcg) {
        tcg = g_byte_array_new();
    }
    if (traced.memory) {
        trace_tcg_code(tcg, first);
    }
    const GlueTranslation translation = {
        .pc = pc,
        .cs_base = block->tb->cs_base,
        .flags = block->tb->flags,
        .physical_pc = physical(cpu, pc),
        .physical_second_page = pc + size > second_page ? physical(cpu, second_page) : UINT64_MAX,
        .code = code ? code + offsets[first] : NULL,
        .size = size,
        .offsets = first == 0 ? offsets : &start,
        .instructions = block->num_insns - first,
        .operations = operations.operations,
        .operation_count = operations.count,
        .changes = operations.changes,
        .change_count = operations.change_count,
        .tcg = tcg->data,
        .tcg_size = tcg->len,
    };

    return tracer->translated(&translation);
}

static void instrument(CPUState *cpu, DisasContextBase *block, const void *code, const uint16_t *offsets)
{
    Operations all = { 0 }, repeated = { 0 };
    uint32_t id, repeat_id = 0;

    trace_find_operations(instrumentation, block);
    all.operations = trace_operations(instrumentation, &all.count);
    all.changes = trace_register_changes(instrumentation, &all.change_count);
    id = define(cpu, block, code, offsets, 0, all);
    if (block->panda_repeat) {
        repeated.operations = trace_repeat_operations(instrumentation, &repeated.count);
        repeat_id = define(cpu, block, code, offsets, block->num_insns - 1, repeated);
    }
    trace_add_code(instrumentation, block, id, repeat_id, (TraceHelpers){ ring_full, report_registers });
}

/* ---- Followed registers ---- */

/* Code that was translated changes them as its blocks' definitions say. Where something else may have, the processor
 * stops before the next block, so that they can be told: at once, for want of budget that it has. */
static bool registers_lost;

void glue_trace_registers(uint64_t *values)
{
    const CPUX86State *env = cpu_env(first_cpu);

    values[followed_stack_pointer] = env->regs[R_ESP];
    values[followed_fs_base] = env->segs[R_FS].base;
    values[followed_gs_base] = env->segs[R_GS].base;
}

static void (*replayer_between_blocks)(CPUState *cpu);

static void between_blocks(CPUState *cpu)
{
    uint64_t before[followed_registers], after[followed_registers];

    glue_trace_registers(before);
    replayer_between_blocks(cpu);
    if (!panda_tracing || !traced.follows) {
        return;
    }
    glue_trace_registers(after);
    if (cpu->interrupt_request != 0 || memcmp(before, after, sizeof(before)) != 0) {
        registers_lost = true;
    }
    if (registers_lost) {
        cpu->icount_extra += cpu->neg.icount_decr.u16.low;
        cpu->neg.icount_decr.u16.low = 0;
    }
}

static void budget_spent(CPUState *cpu, TranslationBlock *tb)
{
    if (registers_lost && panda_tracing) {
        registers_lost = false;
        tracer->registers_changed();
    }
    glue_refill(cpu, tb);
}

static void block_abandoned(CPUState *cpu, const TranslationBlock *tb, int instructions_left)
{
    tracer->abandoned(instructions_left - (glue_counts_fault(instructions_left) ? 1 : 0));
}

static void helper_access(CPUState *cpu, vaddr address, uint64_t low, uint64_t high, uint32_t oi, bool store,
                          uintptr_t position)
{
    const MemOp memop = get_memop(oi);
    const unsigned size = memop_size(memop);

    if (is_physical(get_mmuidx(oi))) {
        return;
    }
    if ((memop & MO_BSWAP) && size > 1) {
        low = size == 2 ? bswap16(low) : size == 4 ? bswap32(low) : bswap64(low); /* x86 swaps none of 16 bytes */
    }
    tracer->helper_access(address, low, high, size, store, position);
}

static void tlb_filled(CPUState *cpu, vaddr page, hwaddr frame, MemTxAttrs attrs, int mmu_idx, uintptr_t position)
{
    if (!is_physical(mmu_idx)) {
        tracer->filled(page, frame, address_space_of(attrs), position);
    }
}

static void table_written(CPUState *cpu, hwaddr address, uint32_t value, uintptr_t position)
{
    tracer->table_written(address, value, position);
}

static void device_write(uint64_t address, unsigned size, uint64_t value)
{
    tracer->device_write(address, size, value);
}

static void ram_written(MemoryRegion *mr, uint64_t address, uint64_t size)
{
    const uint32_t block = glue_block_index(mr);

    if (block != UINT32_MAX) {
        tracer->memory_written(block, address, (uint8_t *)memory_region_get_ram_ptr(mr) + address, size);
    }
}

static void control_changed(CPUState *cpu)
{
    tracer->control_changed();
}

static GlueGate gate_of(enum PandaGate gate)
{
    return gate == PANDA_SYSCALL ? glue_gate_syscall : gate == PANDA_SYSENTER ? glue_gate_sysenter : glue_gate_iret;
}

static void system_call(CPUState *cpu, enum PandaGate gate)
{
    tracer->system_call(gate_of(gate));
}

static void system_return(CPUState *cpu, enum PandaGate gate)
{
    if ((cpu_env(cpu)->hflags & HF_CPL_MASK) == 3) {
        tracer->system_return(gate_of(gate));
    }
}

static void (*count_exception)(CPUState *cpu);

static void on_exception(CPUState *cpu)
{
    CPUX86State *env = cpu_env(cpu);

    count_exception(cpu);
    if (panda_tracing) {
        registers_lost = true;
        tracer->exception(cpu->exception_index, env->error_code, env->cr[2], env->exception_is_int);
    }
}

void glue_trace_hooks(PandaHooks *hooks)
{
    count_exception = hooks->exception;
    hooks->exception = on_exception;
    hooks->block_abandoned = block_abandoned;
    replayer_between_blocks = hooks->between_blocks;
    hooks->between_blocks = between_blocks;
    hooks->budget_spent = budget_spent;
    hooks->instrument = instrument;
    hooks->helper_access = helper_access;
    hooks->tlb_filled = tlb_filled;
    hooks->table_written = table_written;
    hooks->device_write = device_write;
    hooks->ram_written = ram_written;
    hooks->control_changed = control_changed;
    hooks->system_call = system_call;
    hooks->system_return = system_return;
}

void glue_trace_start(const GlueTracer *new_tracer, GlueTraceColumns columns)
{
    tracer = new_tracer;
    traced = columns;
    instrumentation = trace_instrumentation_new(columns);
    /* Blocks that do not know where they lie are shared by all places where their code is mapped: their pc would be
     * that of the first. */
    first_cpu->tcg_cflags &= ~CF_PCREL;
    trace_fix_host();
    panda_tracing = true;
}

void glue_trace_mask_host(uint64_t features)
{
    trace_mask_host(features);
}

char *glue_trace_tcg_operations(void)
{
    return trace_tcg_operation_names();
}

char *glue_trace_tcg_globals(void)
{
    return trace_tcg_globals();
}

char *glue_trace_tcg_host(void)
{
    return g_strdup(trace_host_name());
}

void glue_trace_stop(void)
{
    panda_tracing = false;
}

void **glue_trace_ring(void)
{
    return &first_cpu->neg.panda_ring;
}

uint64_t glue_trace_pc(uintptr_t position)
{
    uint64_t data[1 + TARGET_INSN_START_EXTRA_WORDS];

    if (position == glue_between_blocks || !cpu_unwind_state_data(first_cpu, position, data)) {
        return glue_between_blocks;
    }
    return data[0];
}

static bool is_valid(const CPUTLBEntry *entry, uint64_t *page)
{
    const uint64_t read = entry->addr_read, write = entry->addr_write;
    const uint64_t comparator = read != (uint64_t)-1 ? read : write;

    *page = comparator & TARGET_PAGE_MASK;
    return comparator != (uint64_t)-1;
}

void glue_trace_tlb(void (*report)(void *context, uint64_t page, uint64_t frame, unsigned address_space),
                    void *context)
{
    for (int mmu_idx = 0; mmu_idx < MMU_PHYS_IDX; mmu_idx++) {
        const CPUTLBDescFast *fast = &first_cpu->neg.tlb.f[mmu_idx];
        const CPUTLBDesc *slow = &first_cpu->neg.tlb.d[mmu_idx];
        const size_t count = (fast->mask >> CPU_TLB_ENTRY_BITS) + 1;
        uint64_t page;

        for (size_t i = 0; i < count; i++) {
            if (is_valid(&fast->table[i], &page)) {
                report(context, page, slow->fulltlb[i].phys_addr, address_space_of(slow->fulltlb[i].attrs));
            }
        }
        for (size_t i = 0; i < CPU_VTLB_SIZE; i++) {
            if (is_valid(&slow->vtable[i], &page)) {
                report(context, page, slow->vfulltlb[i].phys_addr, address_space_of(slow->vfulltlb[i].attrs));
            }
        }
    }
}
