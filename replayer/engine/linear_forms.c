/* See linear_forms.h. Values are numbered: what the same operation makes of the same values has the same origin.
 * Knowledge ends at labels, since more than one way leads there. */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "cpu.h"
#include "tcg/tcg.h"
#include "tcg/tcg-internal.h"
#include "replayer/engine/linear_forms.h"

enum { max_sums = 256 };

/* The origin of the sum of two values that are no constants. */
typedef struct Sum {
    uint32_t left, right;
    bool subtract;
    uint32_t origin;
} Sum;

struct LinearForms {
    LinearForm values[TCG_MAX_TEMPS];
    uint32_t epochs[TCG_MAX_TEMPS]; /* values[i] holds in this epoch only */
    uint32_t epoch;
    uint32_t next_origin;
    size_t sum_count;
    Sum sums[max_sums];
};

LinearForms *linear_forms_new(void)
{
    return g_new0(LinearForms, 1);
}

static void forget_all(LinearForms *forms)
{
    forms->epoch++;
    forms->sum_count = 0;
}

void linear_forms_start(LinearForms *forms)
{
    forget_all(forms);
    forms->next_origin = 1;
}

static LinearForm fresh(LinearForms *forms)
{
    return (LinearForm){ .origin = forms->next_origin++ };
}

static void set(LinearForms *forms, TCGTemp *temp, LinearForm form)
{
    const size_t index = temp_idx(temp);

    forms->values[index] = form;
    forms->epochs[index] = forms->epoch;
}

LinearForm linear_form_of(LinearForms *forms, TCGTemp *temp)
{
    const size_t index = temp_idx(temp);

    if (temp->kind == TEMP_CONST) {
        return (LinearForm){ .offset = temp->val };
    }
    if (forms->epochs[index] != forms->epoch) {
        set(forms, temp, fresh(forms));
    }
    return forms->values[index];
}

/* Half-known and wrapped values are no terms of a sum. */
static bool plain(LinearForm form)
{
    return !form.narrow && !form.low_half;
}

static LinearForm add_constant(LinearForm form, int64_t constant)
{
    /* What a carry out of 32 bits does to the upper half is not followed. */
    form.low_half |= form.narrow && constant != 0;
    form.offset += constant;
    return form;
}

static LinearForm add(LinearForms *forms, LinearForm left, LinearForm right, bool subtract)
{
    Sum *sum;

    if (right.origin == 0 && plain(right)) {
        return add_constant(left, subtract ? -right.offset : right.offset);
    }
    if (left.origin == 0 && plain(left) && !subtract) {
        return add_constant(right, left.offset);
    }
    if (!plain(left) || !plain(right)) {
        return fresh(forms);
    }
    if (!subtract && left.origin > right.origin) {
        const LinearForm other = left;
        left = right;
        right = other;
    }
    for (sum = forms->sums; sum < forms->sums + forms->sum_count; sum++) {
        if (sum->left == left.origin && sum->right == right.origin && sum->subtract == subtract) {
            break;
        }
    }
    if (sum == forms->sums + forms->sum_count) {
        if (forms->sum_count == max_sums) {
            return fresh(forms);
        }
        *sum = (Sum){ left.origin, right.origin, subtract, forms->next_origin++ };
        forms->sum_count++;
    }
    return (LinearForm){ .origin = sum->origin, .offset = left.offset + (subtract ? -right.offset : right.offset) };
}

static LinearForm low_32_bits(LinearForm form)
{
    if (form.origin == 0 && !form.low_half) {
        return (LinearForm){ .offset = (uint32_t)form.offset };
    }
    form.narrow = true;
    form.low_half = false;
    return form;
}

static LinearForm result(LinearForms *forms, const TCGOp *op)
{
    const LinearForm first = linear_form_of(forms, arg_temp(op->args[1]));

    switch (op->opc) {
    case INDEX_op_mov_i64:
        return first;
    case INDEX_op_add_i64:
        return add(forms, first, linear_form_of(forms, arg_temp(op->args[2])), false);
    case INDEX_op_sub_i64:
        return add(forms, first, linear_form_of(forms, arg_temp(op->args[2])), true);
    case INDEX_op_ext32u_i64:
        return low_32_bits(first);
    default:
        return fresh(forms);
    }
}

static void step_call(LinearForms *forms, const TCGOp *op)
{
    const unsigned flags = tcg_call_flags((TCGOp *)op);

    for (unsigned i = 0; i < TCGOP_CALLO(op); i++) {
        set(forms, arg_temp(op->args[i]), fresh(forms));
    }
    if (!(flags & (TCG_CALL_NO_WRITE_GLOBALS | TCG_CALL_NO_READ_GLOBALS))) {
        for (int i = 0; i < tcg_ctx->nb_globals; i++) {
            forms->epochs[i] = forms->epoch - 1;
        }
    }
}

void linear_forms_step(LinearForms *forms, const TCGOp *op)
{
    const TCGOpDef *definition = &tcg_op_defs[op->opc];

    switch (op->opc) {
    case INDEX_op_set_label:
        forget_all(forms);
        break;
    case INDEX_op_call:
        step_call(forms, op);
        break;
    case INDEX_op_mov_i64:
    case INDEX_op_add_i64:
    case INDEX_op_sub_i64:
    case INDEX_op_ext32u_i64:
        set(forms, arg_temp(op->args[0]), result(forms, op));
        break;
    default:
        for (int i = 0; i < definition->nb_oargs; i++) {
            set(forms, arg_temp(op->args[i]), fresh(forms));
        }
        break;
    }
}
