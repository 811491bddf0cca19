/* What QEMU's helpers call, in terms of door.h. It is compiled against QEMU's headers, to bitcode, and linked with the
 * helpers. What is not here and not a helper is named to the program, if it is called (lift_missing). */
#include "qemu/osdep.h"
#include "cpu.h"
#include "exec/cpu_ldst.h"
#include "exec/exec-all.h"
#include "exec/panda-hooks.h"
#include "tcg/helper-tcg.h"
#include "tcg/tcg-cpu.h"
#include "recorder/qemu/helpers/door.h"

/* ---- Memory ---- */

/* Which MMU serves an access says its privilege, which whoever has the trace need not check again. */
static uint32_t packed(MemOp operation)
{
    return make_memop_idx(operation, 0);
}

#define LOADS(name, type, operation)                                                                                   \
    type cpu_ld##name##_mmuidx_ra(CPUArchState *env, abi_ptr address, int mmu_idx, uintptr_t ra)                       \
    {                                                                                                                  \
        return (type)lift_load(env, address, packed(operation));                                                       \
    }                                                                                                                  \
    type cpu_ld##name##_data_ra(CPUArchState *env, abi_ptr address, uintptr_t ra)                                      \
    {                                                                                                                  \
        return (type)lift_load(env, address, packed(operation));                                                       \
    }

#define STORES(name, type, operation)                                                                                  \
    void cpu_st##name##_mmuidx_ra(CPUArchState *env, abi_ptr address, type value, int mmu_idx, uintptr_t ra)           \
    {                                                                                                                  \
        lift_store(env, address, value, packed(operation));                                                            \
    }                                                                                                                  \
    void cpu_st##name##_data_ra(CPUArchState *env, abi_ptr address, type value, uintptr_t ra)                          \
    {                                                                                                                  \
        lift_store(env, address, value, packed(operation));                                                            \
    }

LOADS(ub, uint32_t, MO_UB)
LOADS(uw_le, uint32_t, MO_LEUW)
LOADS(l_le, uint32_t, MO_LEUL)
LOADS(q_le, uint64_t, MO_LEUQ)
STORES(b, uint32_t, MO_UB)
STORES(w_le, uint32_t, MO_LEUW)
STORES(l_le, uint32_t, MO_LEUL)
STORES(q_le, uint64_t, MO_LEUQ)

int cpu_ldsw_le_data_ra(CPUArchState *env, abi_ptr address, uintptr_t ra)
{
    return (int16_t)lift_load(env, address, packed(MO_LEUW));
}

Int128 helper_ld_i128(CPUArchState *env, uint64_t address, uint32_t oi)
{
    uint64_t value[2];

    lift_load_wide(env, address, oi, value);
    return int128_make128(value[0], value[1]);
}

void helper_st_i128(CPUArchState *env, uint64_t address, Int128 value, uint32_t oi)
{
    lift_store_wide(env, address, int128_getlo(value), int128_gethi(value), oi);
}

/* There is no memory of the host's behind an address: accesses come one by one. */
void *probe_access(CPUArchState *env, vaddr address, int size, MMUAccessType type, int mmu_idx, uintptr_t ra)
{
    return NULL;
}

int x86_mmu_index_pl(CPUX86State *env, unsigned pl)
{
    return 0;
}

int cpu_mmu_index_kernel(CPUX86State *env)
{
    return 0;
}

void tlb_flush(CPUState *cpu)
{
}

void tlb_flush_page(CPUState *cpu, vaddr address)
{
}

void tlb_flush_by_mmuidx(CPUState *cpu, uint16_t map)
{
}

/* ---- Leaving ---- */

static G_NORETURN void leave(void)
{
    lift_leave();
    __builtin_unreachable();
}

static G_NORETURN void missing(const char *name)
{
    lift_missing(name);
    __builtin_unreachable();
}

void cpu_loop_exit(CPUState *cpu)
{
    leave();
}

void cpu_loop_exit_noexc(CPUState *cpu)
{
    cpu->exception_index = -1;
    leave();
}

void cpu_loop_exit_restore(CPUState *cpu, uintptr_t ra)
{
    leave();
}

void cpu_loop_exit_atomic(CPUState *cpu, uintptr_t ra)
{
    leave();
}

bool cpu_restore_state(CPUState *cpu, uintptr_t ra)
{
    return false;
}

void cpu_abort(CPUState *cpu, const char *format, ...)
{
    missing("cpu_abort");
}

void abort(void)
{
    missing("abort");
}

void __assert_fail(const char *text, const char *file, unsigned line, const char *function)
{
    missing(text);
}

void g_assertion_message_expr(const char *domain, const char *file, int line, const char *function, const char *text)
{
    missing(text);
}

/* ---- Inputs, as at replay ---- */

static uint64_t take(enum PandaInput kind, unsigned size, uint64_t address, uint64_t *second)
{
    return lift_input(kind, size, address, second);
}

static void write_port(unsigned port, unsigned size, uint32_t value)
{
}

static bool wake(void)
{
    return false;
}

static const PandaHooks hooks = {
    .take = take,
    .port_write = write_port,
    .take_wake = wake,
};
const PandaHooks *panda_hooks = &hooks;
enum PandaMode panda_mode = PANDA_REPLAY;
bool panda_tracing = false;
unsigned panda_device_depth = 0;

/* ---- The rest of the emulator, as far as it is harmless ---- */

unsigned cpuinfo = 1; /* CPUINFO_ALWAYS: nothing of the host's is used */
int qemu_loglevel = 0;
bool tcg_allowed = true; /* so that flags are looked for where TCG keeps them */

void qemu_log(const char *format, ...)
{
}

bool tcg_cflags_has(CPUState *cpu, uint32_t flags)
{
    return false;
}

FILE *qemu_log_trylock(void)
{
    return NULL;
}

void qemu_log_unlock(FILE *file)
{
}

bool bql_locked(void)
{
    return true;
}

void bql_lock_impl(const char *file, int line)
{
}

void bql_unlock(void)
{
}

Object *object_dynamic_cast_assert(Object *object, const char *type, const char *file, int line, const char *function)
{
    return object;
}

unsigned cpu_x86_virtual_addr_width(CPUX86State *env)
{
    return env->cr[4] & CR4_LA57_MASK ? 57 : 48;
}

/* target/i386/cpu.c. Its table is filled by what a processor model has; TCG's XSAVE and XRSTOR keep to X86XSaveArea, and there is
 * no compacted form. */
uint32_t xsave_area_size(uint64_t mask, bool compacted)
{
    static const uint32_t ends[] = {
#define AREA(bit, member, type) [bit] = offsetof(X86XSaveArea, member) + sizeof(type)
        AREA(XSTATE_YMM_BIT, avx_state, XSaveAVX),
        AREA(XSTATE_BNDREGS_BIT, bndreg_state, XSaveBNDREG),
        AREA(XSTATE_BNDCSR_BIT, bndcsr_state, XSaveBNDCSR),
        AREA(XSTATE_OPMASK_BIT, opmask_state, XSaveOpmask),
        AREA(XSTATE_ZMM_Hi256_BIT, zmm_hi256_state, XSaveZMM_Hi256),
        AREA(XSTATE_Hi16_ZMM_BIT, hi16_zmm_state, XSaveHi16_ZMM),
        AREA(XSTATE_PKRU_BIT, pkru_state, XSavePKRU),
#undef AREA
    };
    uint32_t size = sizeof(X86LegacyXSaveArea) + sizeof(X86XSaveHeader);

    for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
        if ((mask >> i & 1) != 0) {
            size = MAX(size, ends[i]);
        }
    }
    return size;
}

/* ---- The state ---- */

uint64_t lift_object_size(void)
{
    return sizeof(ArchCPU);
}

void *lift_state_of(void *object)
{
    ArchCPU *cpu = object;

    return &cpu->env;
}

uint64_t lift_get_flags(const void *state)
{
    return cpu_compute_eflags((CPUX86State *)state);
}

void lift_set_flags(void *state, uint64_t flags)
{
    const int elsewhere = CC_C | CC_P | CC_A | CC_Z | CC_S | CC_O | DF_MASK; /* in cc_src and df */

    cpu_load_eflags(state, flags, ~elsewhere);
}

void lift_set_mode(void *state, uint64_t flags)
{
    const uint64_t of_eflags = IOPL_MASK | TF_MASK | RF_MASK | VM_MASK | AC_MASK; /* cpu_get_tb_cpu_state() */
    CPUX86State *env = state;

    env->hflags = flags & ~of_eflags;
    env->eflags = (env->eflags & ~of_eflags) | (flags & of_eflags);
}

void lift_set_floating_control(void *state, uint32_t x87, uint32_t mxcsr)
{
    cpu_set_fpuc(state, x87);
    cpu_set_mxcsr(state, mxcsr);
}

uint32_t lift_get_mxcsr(void *state)
{
    CPUX86State *env = state;

    update_mxcsr_from_sse_status(env);
    return env->mxcsr;
}

static int mmu_index(CPUState *cpu, bool instruction)
{
    return 0;
}

CPUTailQ cpus_queue = QTAILQ_HEAD_INITIALIZER(cpus_queue); /* of which first_cpu is the first */

void lift_initialize(void *state)
{
    static CPUClass class = { .mmu_index = mmu_index };
    CPUX86State *env = state;

    for (int i = 0; i < FEATURE_WORDS; i++) {
        env->features[i] = ~0ULL;
    }
    env->features[FEAT_8000_0001_ECX] &= ~CPUID_EXT3_SVM;
    env_cpu(env)->cc = &class;
    QTAILQ_INSERT_TAIL(&cpus_queue, env_cpu(env), node);
    env_cpu(env)->exception_index = -1;
    env->a20_mask = -1;
    env_archcpu(env)->phys_bits = 52; /* which addresses CR3 may have */
    cpu_set_fpuc(env, 0x37f);
    cpu_set_mxcsr(env, 0x1f80);
    memset(env->fptags, 1, sizeof(env->fptags));
}

int lift_exception(const void *state)
{
    return env_cpu((CPUX86State *)state)->exception_index;
}
