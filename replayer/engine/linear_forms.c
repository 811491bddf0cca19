/* See linear_forms.h. Values are numbered: what the same operation makes of the same values has the same origin.
 * Knowledge ends at labels, since more than one way leads there; of followed registers it goes on if all ways bring
 * the same. */
#include "qemu/osdep.h"
#include "qemu/bswap.h"
#include "cpu.h"
#include "tcg/tcg.h"
#include "tcg/tcg-internal.h"
#include "replayer/engine/linear_forms.h"

enum { max_sums = 256, max_labels = 512 };

/* The origin of the sum of two values, neither of which is a constant. */
typedef struct Sum {
    uint32_t left, right;
    bool subtract;
    uint32_t origin;
} Sum;

typedef struct LabelForms {
    bool reached;
    bool passed;
    LinearForm forms[followed_registers];
} LabelForms;

struct LinearForms {
    LinearForm values[TCG_MAX_TEMPS];
    uint32_t epochs[TCG_MAX_TEMPS]; /* values[i] holds in this epoch only */
    uint32_t epoch;
    uint32_t next_origin;
    size_t sum_count;
    Sum sums[max_sums];
    bool reachable; /* from the operation before */
    LabelForms exit;
    LabelForms labels[max_labels];
};

TCGTemp *followed_global(unsigned which)
{
    static const char *const names[followed_registers] = {
        [followed_stack_pointer] = "rsp",
        [followed_fs_base] = "fs_base",
        [followed_gs_base] = "gs_base",
    };
    static TCGTemp *globals[followed_registers];

    for (int i = 0; !globals[which]; i++) {
        g_assert(i < tcg_ctx->nb_globals);
        if (strcmp(tcg_ctx->temps[i].name, names[which]) == 0) {
            globals[which] = &tcg_ctx->temps[i];
        }
    }
    return globals[which];
}

LinearForms *linear_forms_new(void)
{
    return g_new0(LinearForms, 1);
}

static void forget_all(LinearForms *forms)
{
    forms->epoch++;
    forms->sum_count = 0;
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

void linear_forms_start(LinearForms *forms)
{
    forget_all(forms);
    forms->reachable = true;
    forms->exit.reached = false;
    memset(forms->labels, 0, sizeof(forms->labels[0]) * MIN(tcg_ctx->nb_labels, max_labels));
    for (unsigned i = 0; i < followed_registers; i++) {
        set(forms, followed_global(i), (LinearForm){ .origin = followed_origin(i) });
    }
    forms->next_origin = followed_origin(followed_registers);
}

LinearForm linear_form_of_followed(LinearForms *forms, unsigned which)
{
    return linear_form_of(forms, followed_global(which));
}

/* Half-known and wrapped values cannot be terms of a sum. */
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

/* The common helpers that write some of the processor's state, but none of the followed registers, which TCG does not
 * know of them. */
static bool leaves_followed(const TCGOp *op)
{
    static const char *const names[] = {
        "read_eflags", "write_eflags", "divb_AL", "divw_AX", "divl_EAX", "divq_EAX", "idivb_AL", "idivw_AX",
        "idivl_EAX", "idivq_EAX", "cpuid", "rdtsc", "inb", "inw", "inl", "outb", "outw", "outl", "svm_check_io",
        "svm_check_intercept", "clts", "rdmsr", "enter_mmx", "emms", "update_mxcsr", "ldmxcsr",
    };
    const char *name = tcg_call_info((TCGOp *)op)->name;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (strcmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void forget_globals(LinearForms *forms, bool followed)
{
    LinearForm kept[followed_registers];

    for (unsigned i = 0; i < followed_registers; i++) {
        kept[i] = linear_form_of_followed(forms, i);
    }
    for (int i = 0; i < tcg_ctx->nb_globals; i++) {
        forms->epochs[i] = forms->epoch - 1;
    }
    for (unsigned i = 0; !followed && i < followed_registers; i++) {
        set(forms, followed_global(i), kept[i]);
    }
}

static void step_call(LinearForms *forms, const TCGOp *op)
{
    const unsigned flags = tcg_call_flags((TCGOp *)op);

    for (unsigned i = 0; i < TCGOP_CALLO(op); i++) {
        set(forms, arg_temp(op->args[i]), fresh(forms));
    }
    if (!(flags & (TCG_CALL_NO_WRITE_GLOBALS | TCG_CALL_NO_READ_GLOBALS))) {
        forget_globals(forms, !leaves_followed(op));
    }
}

/* ---- Ways ---- */

static bool same(LinearForm a, LinearForm b)
{
    return a.origin == b.origin && a.offset == b.offset && a.narrow == b.narrow && a.low_half == b.low_half;
}

/* Another way leads to a label. What comes from behind it must bring what was assumed at it: a string instruction's
 * repetition, which changes none of these. */
static void arrive(LinearForms *forms, LabelForms *at)
{
    for (unsigned i = 0; i < followed_registers; i++) {
        const LinearForm form = linear_form_of_followed(forms, i);

        if (!at->reached) {
            at->forms[i] = form;
        } else if (!same(at->forms[i], form)) {
            g_assert(!at->passed);
            at->forms[i] = fresh(forms);
        }
    }
    at->reached = true;
}

static void step_branch(LinearForms *forms, const TCGLabel *label)
{
    if (label->id < max_labels) {
        arrive(forms, &forms->labels[label->id]);
    }
}

static void step_exit(LinearForms *forms, const TCGOp *op)
{
    /* That way the block is left before it has begun. */
    if (op->opc == INDEX_op_goto_ptr || (op->args[0] & TB_EXIT_MASK) != TB_EXIT_REQUESTED) {
        arrive(forms, &forms->exit);
    }
    forms->reachable = false;
}

LinearForm linear_form_at_exit(LinearForms *forms, unsigned which)
{
    return forms->exit.reached ? forms->exit.forms[which] : linear_form_of_followed(forms, which);
}

static void step_label(LinearForms *forms, const TCGLabel *label)
{
    const bool known = label->id < max_labels;
    LabelForms *at;

    if (forms->reachable && known) {
        step_branch(forms, label);
    }
    forget_all(forms);
    forms->reachable = true;
    if (!known) {
        return;
    }
    at = &forms->labels[label->id];
    at->passed = true;
    if (!at->reached) {
        return; /* nothing leads here, or only what comes later */
    }
    for (unsigned i = 0; i < followed_registers; i++) {
        set(forms, followed_global(i), at->forms[i]);
    }
}

void linear_forms_step(LinearForms *forms, const TCGOp *op)
{
    const TCGOpDef *definition = &tcg_op_defs[op->opc];

    switch (op->opc) {
    case INDEX_op_set_label:
        step_label(forms, arg_label(op->args[0]));
        break;
    case INDEX_op_br:
        step_branch(forms, arg_label(op->args[0]));
        forms->reachable = false;
        break;
    case INDEX_op_brcond_i32:
    case INDEX_op_brcond_i64:
        step_branch(forms, arg_label(op->args[3]));
        break;
    case INDEX_op_exit_tb:
    case INDEX_op_goto_ptr:
        step_exit(forms, op);
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
