/* See trace_tcg_code.h. Nothing that depends on the host, such as a pointer, may get into the bytes: two traces of a
 * recording would differ. */
#include "qemu/osdep.h"
#include "cpu.h"
#include "tcg/tcg.h"
#include "tcg/tcg-internal.h"
#include "replayer/engine/trace_tcg_code.h"

/* Where the next byte goes. Room is made for a whole operation at a time, because a block has hundreds of operations,
 * and each has dozens of small numbers. */
typedef struct Out {
    GByteArray *array;
    uint8_t *at;
} Out;

enum {
    most_temps = 16,       /* of an operation: a call has at most 7 inputs, of two temporaries each, and outputs */
    most_temp_bytes = 22,  /* its number, and at its first appearance what it is */
    most_name = 256,
    most_op_bytes = most_temps * most_temp_bytes + most_name + 64,
};

static void make_room(Out *out)
{
    const size_t used = out->at - out->array->data;

    g_byte_array_set_size(out->array, MAX(2 * used, used + most_op_bytes));
    out->at = out->array->data + used;
}

static void put_byte(Out *out, uint8_t value)
{
    *out->at++ = value;
}

static void put_varint(Out *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) {
        put_byte(out, value | 0x80);
    }
    put_byte(out, value);
}

static void put_signed(Out *out, int64_t value)
{
    put_varint(out, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

/* The numbers that temporaries have in the bytes, in order of their appearance. */
typedef struct Numbers {
    uint16_t number[TCG_MAX_TEMPS]; /* the number + 1; 0 if the temporary has not appeared yet */
    uint16_t count;
} Numbers;

/* Writes a temporary's number, and at its first appearance what it is. */
static void put_temp(Out *out, Numbers *numbers, TCGTemp *temp)
{
    const size_t index = temp_idx(temp);

    if (numbers->number[index]) {
        put_varint(out, numbers->number[index] - 1);
        return;
    }
    put_varint(out, numbers->count);
    numbers->number[index] = ++numbers->count;
    put_byte(out, temp->kind);
    put_byte(out, temp->type);
    if (temp->kind == TEMP_CONST) {
        put_signed(out, temp->val);
    } else if (temp->kind == TEMP_GLOBAL || temp->kind == TEMP_FIXED) {
        put_varint(out, index);
    }
}

static void put_call(Out *out, Numbers *numbers, TCGOp *op)
{
    const TCGHelperInfo *info = tcg_call_info(op);
    const unsigned outputs = TCGOP_CALLO(op), inputs = TCGOP_CALLI(op);
    const size_t length = strlen(info->name);

    g_assert(outputs + inputs <= most_temps && length <= most_name);
    for (unsigned i = 0; i < outputs + inputs; i++) {
        put_temp(out, numbers, arg_temp(op->args[i]));
    }
    put_varint(out, length);
    memcpy(out->at, info->name, length);
    out->at += length;
    put_byte(out, info->flags);
    put_varint(out, info->typemask);
}

/* The argument that is a label, or -1. */
static int label_argument(TCGOpcode opcode)
{
    switch (opcode) {
    case INDEX_op_set_label:
    case INDEX_op_br:
        return 0;
    case INDEX_op_brcond_i32:
    case INDEX_op_brcond_i64:
        return 3;
    default:
        return -1;
    }
}

static void put_op(Out *out, Numbers *numbers, TCGOp *op)
{
    const TCGOpDef *definition = &tcg_op_defs[op->opc];
    const int temps = definition->nb_oargs + definition->nb_iargs;
    const int arguments = temps + definition->nb_cargs;

    put_byte(out, op->opc);
    put_byte(out, op->param1);
    put_byte(out, op->param2);
    if (op->opc == INDEX_op_call) {
        put_call(out, numbers, op);
        return;
    }
    for (int i = 0; i < temps; i++) {
        put_temp(out, numbers, arg_temp(op->args[i]));
    }
    for (int i = temps; i < arguments; i++) {
        if (i == label_argument(op->opc)) {
            put_varint(out, arg_label(op->args[i])->id);
        } else if (op->opc == INDEX_op_exit_tb) {
            put_varint(out, op->args[i] & TB_EXIT_MASK); /* the rest is where the block lies */
        } else {
            put_signed(out, op->args[i]);
        }
    }
    if (op->opc == INDEX_op_insn_start) {
        for (int i = arguments; i < tcg_ctx->insn_start_words; i++) {
            put_signed(out, op->args[i]);
        }
    }
}

void trace_tcg_code(GByteArray *array, int first)
{
    Out out = { array, array->data };
    Numbers numbers = { 0 };
    TCGOp *op;
    int instruction = -1;

    QTAILQ_FOREACH(op, &tcg_ctx->ops, link) {
        instruction += op->opc == INDEX_op_insn_start;
        if (instruction >= first) {
            if (out.at + most_op_bytes > array->data + array->len) {
                make_room(&out);
            }
            put_op(&out, &numbers, op);
        }
    }
    g_byte_array_set_size(array, out.at - array->data);
}

/* insn_start has as many words as the guest needs, and not the one that QEMU's table gives it. */
static int constants_of(int opcode)
{
    return opcode == INDEX_op_insn_start ? 1 + TARGET_INSN_START_EXTRA_WORDS : tcg_op_defs[opcode].nb_cargs;
}

char *trace_tcg_operation_names(void)
{
    GString *text = g_string_new(NULL);

    for (int i = 0; i < NB_OPS; i++) {
        g_string_append_printf(text, "%s%s/%d/%d/%d", i == 0 ? "" : " ", tcg_op_defs[i].name, tcg_op_defs[i].nb_oargs,
                               tcg_op_defs[i].nb_iargs, constants_of(i));
    }
    return g_string_free(text, FALSE);
}

char *trace_tcg_globals(void)
{
    GString *text = g_string_new(NULL);

    for (int i = 0; i < tcg_ctx->nb_globals; i++) {
        const TCGTemp *temp = &tcg_ctx->temps[i];

        g_string_append_printf(text, "%s%s/%d/%" PRIdPTR, i == 0 ? "" : " ", temp->name, temp->type, temp->mem_offset);
    }
    return g_string_free(text, FALSE);
}
