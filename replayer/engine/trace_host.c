/* See trace_host.h. QEMU keeps what it found out about the host in one variable (util/cpuinfo-i386.c). */
#include "qemu/osdep.h"
#include "host/cpuinfo.h"
#include "replayer/engine/trace_host.h"

enum {
    /* Without vectors, each operation on xmm would be expanded into tricks with integers. AVX's are the least that
     * QEMU uses, and nearly every x86-64 processor since 2011 has them. */
    needed = CPUINFO_AVX1,
    /* What only says how an operation is carried out. */
    unseen = CPUINFO_ALWAYS | CPUINFO_OSXSAVE | CPUINFO_SSE2 | CPUINFO_LZCNT | CPUINFO_BMI2 | CPUINFO_ATOMIC_VMOVDQU |
             CPUINFO_AES | CPUINFO_PCLMUL,
    /* With it, loads and stores of 16 bytes are operations and not calls of helpers. It means that they are atomic,
     * which nobody can tell apart while one vCPU and no device runs. */
    pretended = CPUINFO_ATOMIC_VMOVDQA,
};

static bool has_needed(void)
{
    return (cpuinfo & needed) == needed;
}

void trace_fix_host(void)
{
    cpuinfo = has_needed() ? (cpuinfo & (needed | unseen)) | pretended : cpuinfo & unseen;
}

const char *trace_host_name(void)
{
    return has_needed() ? "avx" : "none";
}

void trace_mask_host(unsigned features)
{
    cpuinfo &= features | CPUINFO_ALWAYS;
}
