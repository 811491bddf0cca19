/* A witness that shares no code with the tracer: QEMU's own plugin interface tells which instructions were executed and
 * what they accessed. Writes records of 32 bytes, which compare.cc reads. */
#include <glib.h>
#include <inttypes.h>
#include <qemu-plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

struct record {
    uint64_t kind; /* 0 instruction, 1 load, 2 store, 3 registers at the start of a block; size << 8 */
    uint64_t address;
    uint64_t low, high;
};

static FILE *out;

static void put(uint64_t kind, uint64_t address, uint64_t low, uint64_t high)
{
    const struct record record = { kind, address, low, high };

    if (fwrite(&record, sizeof(record), 1, out) != 1) {
        abort();
    }
}

/* Registers in the order of the processor's encoding, then the flags. */
static const char *const names[] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",   "r8",
                                     "r9",  "r10", "r11", "r12", "r13", "r14", "r15", "eflags" };
enum { register_count = sizeof(names) / sizeof(names[0]) };
static struct qemu_plugin_register *handles[register_count];
static GByteArray *buffer;

static void on_processor(qemu_plugin_id_t id, unsigned int cpu)
{
    GArray *all = qemu_plugin_get_registers();

    buffer = g_byte_array_new();
    for (guint i = 0; i < all->len; i++) {
        const qemu_plugin_reg_descriptor *found = &g_array_index(all, qemu_plugin_reg_descriptor, i);

        for (int number = 0; number < register_count; number++) {
            if (strcmp(found->name, names[number]) == 0) {
                handles[number] = found->handle;
            }
        }
    }
    for (int number = 0; number < register_count; number++) {
        if (!handles[number]) {
            abort();
        }
    }
    g_array_free(all, TRUE);
}

static uint64_t read_register(int number)
{
    uint64_t value = 0;

    g_byte_array_set_size(buffer, 0);
    if (qemu_plugin_read_register(handles[number], buffer) < 0 || buffer->len > sizeof(value)) {
        abort();
    }
    memcpy(&value, buffer->data, buffer->len);
    return value;
}

/* The general registers folded into one number (FNV-1a, register by register), and the flags. */
static void on_block(unsigned int cpu, void *pc)
{
    uint64_t folded = UINT64_C(0xcbf29ce484222325);

    for (int number = 0; number < register_count - 1; number++) {
        folded = (folded ^ read_register(number)) * UINT64_C(0x100000001b3);
    }
    put(3, (uint64_t)(uintptr_t)pc, folded, read_register(register_count - 1));
}

static void on_instruction(unsigned int cpu, void *pc)
{
    put(0, (uint64_t)(uintptr_t)pc, 0, 0);
}

static void on_access(unsigned int cpu, qemu_plugin_meminfo_t info, uint64_t address, void *unused)
{
    const qemu_plugin_mem_value value = qemu_plugin_mem_get_value(info);
    const bool store = qemu_plugin_mem_is_store(info);
    const uint64_t kind = (store ? 2 : 1) | (uint64_t)1 << qemu_plugin_mem_size_shift(info) << 8;

    switch (value.type) {
    case QEMU_PLUGIN_MEM_VALUE_U8:
        put(kind, address, value.data.u8, 0);
        break;
    case QEMU_PLUGIN_MEM_VALUE_U16:
        put(kind, address, value.data.u16, 0);
        break;
    case QEMU_PLUGIN_MEM_VALUE_U32:
        put(kind, address, value.data.u32, 0);
        break;
    case QEMU_PLUGIN_MEM_VALUE_U64:
        put(kind, address, value.data.u64, 0);
        break;
    default:
        put(kind, address, value.data.u128.low, value.data.u128.high);
        break;
    }
}

static void on_translation(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    qemu_plugin_register_vcpu_tb_exec_cb(tb, on_block, QEMU_PLUGIN_CB_R_REGS,
                                         (void *)(uintptr_t)qemu_plugin_tb_vaddr(tb));
    for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

        qemu_plugin_register_vcpu_insn_exec_cb(insn, on_instruction, QEMU_PLUGIN_CB_NO_REGS,
                                               (void *)(uintptr_t)qemu_plugin_insn_vaddr(insn));
        qemu_plugin_register_vcpu_mem_cb(insn, on_access, QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_RW, NULL);
    }
}

/* The replay ends with _exit(), so nothing is flushed for us, and nothing may be buffered. */
QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
    if (argc != 1 || strncmp(argv[0], "out=", 4) != 0) {
        return 1;
    }
    out = fopen(argv[0] + 4, "wb");
    if (!out) {
        return 1;
    }
    setvbuf(out, NULL, _IONBF, 0);
    qemu_plugin_register_vcpu_init_cb(id, on_processor);
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translation);
    return 0;
}
