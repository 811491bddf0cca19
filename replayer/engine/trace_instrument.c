/* Adds to a block's TCG operations the code that leaves records in the ring: at the block's start one that moves the
 * ring's place behind the whole record and writes the id, then at each memory operation its words, at their places
 * counted from the record's end. Nothing needs to be carried from one place to the next but the ring's place, in the
 * CPUState.
 *
 * A string instruction repeats inside its block, which is its last instruction: its words stand last in the block's
 * record, and a record of their own for each repetition ends with the same words. */
#include "qemu/osdep.h"
#include "cpu.h"
#include "exec/translator.h"
#include "tcg/tcg.h"
#include "tcg/tcg-internal.h"
#include "tcg/tcg-op.h"
#include "tcg/tcg-op-common.h"
#include "tcg/tcg-temp-internal.h"
#include "hw/core/cpu.h"
#include "replayer/engine/linear_forms.h"
#include "replayer/engine/trace_instrument.h"

enum { max_operations = 4096, word_bytes = 8 };

typedef struct Found {
    GlueOperation operation;
    TCGOp *op;
    LinearForm address;
    MemOp memop;
    unsigned word; /* its first, counted from the record's start */
} Found;

struct Instrumentation {
    GlueTraceColumns columns;
    LinearForms *forms;
    size_t count; /* of found */
    Found found[max_operations];
    GlueOperation operations[max_operations];
    size_t operation_count; /* of operations; fewer than found if a repeated instruction's stand there twice */
    GlueOperation repeated[max_operations];
    size_t repeated_count;
    GlueRegisterChange changes[followed_registers];
    size_t change_count;
    unsigned words;          /* of a record */
    unsigned repeated_words; /* of the record of a repetition: the last of these */
};

Instrumentation *trace_instrumentation_new(GlueTraceColumns columns)
{
    Instrumentation *state = g_new0(Instrumentation, 1);

    state->columns = columns;
    state->forms = linear_forms_new();
    return state;
}

/* ---- Finding ---- */

/* How many values a load or store has as arguments. A 128-bit value has two temporaries. */
static unsigned value_arguments(const TCGOp *op)
{
    return op->opc == INDEX_op_qemu_ld_i128 || op->opc == INDEX_op_qemu_st_i128 ? 2 : 1;
}

static bool is_load(const TCGOp *op)
{
    return op->opc == INDEX_op_qemu_ld_i32 || op->opc == INDEX_op_qemu_ld_i64 || op->opc == INDEX_op_qemu_ld_i128;
}

static bool is_store(const TCGOp *op)
{
    return op->opc == INDEX_op_qemu_st_i32 || op->opc == INDEX_op_qemu_st_i64 || op->opc == INDEX_op_qemu_st_i128 ||
           op->opc == INDEX_op_qemu_st8_i32;
}

static TCGTemp *address_of(const TCGOp *op)
{
    return arg_temp(op->args[value_arguments(op)]);
}

/* Helpers that raise exceptions need the processor's state, so they may write it as far as TCG knows. */
static bool may_abort(const TCGOp *op)
{
    return op->opc == INDEX_op_call && !(tcg_call_flags((TCGOp *)op) & TCG_CALL_NO_WRITE_GLOBALS);
}

static bool branches(const TCGOp *op)
{
    return op->opc == INDEX_op_set_label || op->opc == INDEX_op_br || op->opc == INDEX_op_brcond_i32 ||
           op->opc == INDEX_op_brcond_i64;
}

/* Something behind these operations of the same instruction may stop it, so they tell by themselves whether they
 * ran: their words are written after they did. */
static void tell_by_themselves(Instrumentation *state, size_t first)
{
    for (size_t i = first; i < state->count; i++) {
        state->found[i].operation.before = false;
    }
}

static void add_found(Instrumentation *state, TCGOp *op, int instruction, bool conditional)
{
    const MemOpIdx oi = op->args[value_arguments(op) + 1];
    const MemOp memop = get_memop(oi);
    Found *found = &state->found[state->count++];

    *found = (Found){
        .op = op,
        .memop = memop,
        .address = linear_form_of(state->forms, address_of(op)),
        .operation = {
            .instruction = instruction,
            .base = base_none,
            .size = memop_size(memop),
            .store = is_store(op),
            .conditional = conditional,
            .before = true,
        },
    };
    if (is_store(op) && value_arguments(op) == 1 && !(memop & MO_BSWAP)) {
        const LinearForm value = linear_form_of(state->forms, arg_temp(op->args[0]));

        if (value.origin == 0 && !value.low_half) {
            found->operation.constant_value = true;
            found->operation.constant = value.offset & MAKE_64BIT_MASK(0, 8 * found->operation.size);
        }
    }
}

/* What this value can be counted from, for a reader that knows what the operations before `end` do; or base_none. */
static unsigned base_of(const Instrumentation *state, LinearForm form, size_t end)
{
    if (form.low_half) {
        return base_none;
    }
    if (form.origin == 0) {
        return base_constant;
    }
    if (state->columns.follows && form.origin < followed_origin(followed_registers)) {
        return base_first_register + form.origin - followed_origin(0);
    }
    for (size_t i = end; i-- > 0;) {
        const Found *base = &state->found[i];

        if (base->operation.base == base_none && !base->operation.conditional && !base->address.low_half &&
            base->address.origin == form.origin && (!base->address.narrow || form.narrow)) {
            return i;
        }
    }
    return base_none;
}

static int64_t delta_from(const Instrumentation *state, unsigned base, LinearForm form)
{
    return base < state->count ? form.offset - state->found[base].address.offset : form.offset;
}

/* After each operation: a followed register gets a word if nothing known gives its value any more. Code that may not
 * run gets no such words: where the ways meet, the register has a value of its own, and gets its word there. */
static void find_registers(Instrumentation *state, TCGOp *op, int instruction, bool branched)
{
    if (!state->columns.follows || instruction < 0 || (branched && op->opc != INDEX_op_set_label)) {
        return;
    }
    for (unsigned i = 0; i < followed_registers; i++) {
        const LinearForm form = linear_form_of_followed(state->forms, i);

        if (base_of(state, form, state->count) == base_none) {
            g_assert(state->count < max_operations);
            state->found[state->count++] = (Found){
                .op = op,
                .address = form,
                .operation = {
                    .instruction = instruction,
                    .base = base_none,
                    .register_number = i,
                },
            };
        }
    }
}

static void find_all(Instrumentation *state)
{
    TCGOp *op;
    int instruction = -1;
    size_t first = 0; /* operation of the instruction */
    bool branched = false;

    state->count = 0;
    linear_forms_start(state->forms);
    QTAILQ_FOREACH(op, &tcg_ctx->ops, link) {
        if (op->opc == INDEX_op_insn_start) {
            instruction++;
            first = state->count;
            branched = false;
        } else if (instruction >= 0 && (is_load(op) || is_store(op))) {
            tell_by_themselves(state, first);
            g_assert(state->count < max_operations);
            add_found(state, op, instruction, branched);
        } else if (may_abort(op)) {
            tell_by_themselves(state, first);
        } else if (branches(op)) {
            branched = true;
        }
        linear_forms_step(state->forms, op);
        find_registers(state, op, instruction, branched);
    }
}

/* ---- Layout ---- */

/* An address that something else tells needs no word. It must be the last thing in its instruction that may stop
 * it: otherwise an instruction that was cut short could not tell whether it ran. */
static void derive_addresses(Instrumentation *state)
{
    for (size_t i = 0; i < state->count; i++) {
        Found *found = &state->found[i];

        if (found->operation.size == 0 || found->operation.conditional || !found->operation.before) {
            continue;
        }
        found->operation.base = base_of(state, found->address, i);
        if (found->operation.base != base_none) {
            found->operation.narrow = found->address.narrow;
            found->operation.delta = delta_from(state, found->operation.base, found->address);
        }
    }
}

/* What the block leaves in the followed registers. */
static void find_changes(Instrumentation *state)
{
    state->change_count = 0;
    for (unsigned i = 0; state->columns.follows && i < followed_registers; i++) {
        const LinearForm form = linear_form_at_exit(state->forms, i);
        const unsigned base = base_of(state, form, state->count);
        const int64_t delta = delta_from(state, base, form);

        g_assert(base != base_none);
        if (base != base_first_register + i || delta != 0 || form.narrow) {
            state->changes[state->change_count++] = (GlueRegisterChange){ i, form.narrow, base, delta };
        }
    }
}

/* A repeated instruction's operations were generated twice: for all iterations but the last, and for the last. True
 * if the two lists are alike, beginning at `first` and `first + half`. */
static bool twice(const Instrumentation *state, size_t first, size_t half)
{
    for (size_t i = 0; i < half; i++) {
        const GlueOperation *one = &state->found[first + i].operation;
        const GlueOperation *other = &state->found[first + half + i].operation;

        if (one->size != other->size || one->store != other->store) {
            return false;
        }
    }
    return true;
}

static unsigned value_words(const Instrumentation *state, const GlueOperation *operation)
{
    return state->columns.values ? stored_words(operation->store, operation->constant_value, operation->size) : 0;
}

static unsigned words_of(const Instrumentation *state, const GlueOperation *operation)
{
    return address_words(operation->base) + value_words(state, operation);
}

static void lay_out(Instrumentation *state, size_t count)
{
    state->words = 0;
    for (size_t i = 0; i < count; i++) {
        state->found[i].word = state->words;
        state->words += words_of(state, &state->found[i].operation);
        state->operations[i] = state->found[i].operation;
    }
    state->operation_count = count;
}

static void lay_out_repeated(Instrumentation *state, int last_instruction)
{
    size_t first = 0;

    while (first < state->count && state->found[first].operation.instruction < last_instruction) {
        first++;
    }
    const size_t half = (state->count - first) / 2;

    for (size_t i = first; i < state->count; i++) {
        state->found[i].operation.conditional = true;
        state->found[i].operation.before = false;
        state->found[i].operation.base = base_none;
        state->found[i].operation.constant_value = false;
    }
    g_assert((state->count - first) % 2 == 0 && twice(state, first, half));
    lay_out(state, first + half);
    state->repeated_words = 0;
    for (size_t i = 0; i < half; i++) {
        state->found[first + half + i].word = state->found[first + i].word;
        state->repeated[i] = state->found[first + i].operation;
        state->repeated[i].instruction = 0;
        state->repeated[i].conditional = false; /* a repetition is begun when it is certain to run */
        state->repeated_words += words_of(state, &state->repeated[i]);
    }
    state->repeated_count = half;
}

void trace_find_operations(Instrumentation *state, const DisasContextBase *block)
{
    state->count = state->operation_count = state->repeated_count = state->change_count = 0;
    state->words = state->repeated_words = 0;
    if (!state->columns.memory) {
        return;
    }
    find_all(state);
    derive_addresses(state);
    find_changes(state);
    if (block->panda_repeat) {
        lay_out_repeated(state, block->num_insns - 1);
    } else {
        lay_out(state, state->count);
    }
}

const GlueOperation *trace_operations(const Instrumentation *state, size_t *count)
{
    *count = state->operation_count;
    return state->operations;
}

const GlueOperation *trace_repeat_operations(const Instrumentation *state, size_t *count)
{
    *count = state->repeated_count;
    return state->repeated;
}

const GlueRegisterChange *trace_register_changes(const Instrumentation *state, size_t *count)
{
    *count = state->change_count;
    return state->changes;
}

/* ---- Code ---- */

static intptr_t ring_offset(void)
{
    return offsetof(ArchCPU, parent_obj.neg.panda_ring) - offsetof(ArchCPU, env);
}

static TCGv_ptr load_ring(void)
{
    TCGv_ptr ring = tcg_temp_ebb_new_ptr();

    tcg_gen_ld_ptr(ring, tcg_env, ring_offset());
    return ring;
}

/* Whether an operation's word must tell by itself that it did not run. */
static bool may_not_run(const GlueOperation *operation)
{
    return operation->size != 0 && operation->base == base_none &&
           (operation->conditional || !operation->before);
}

/* Writes into the last record, whose operations these are, that none of those ran that may not run. The words of the
 * others are written in any case, or are not looked at. */
static void add_not_run(const Instrumentation *state, const GlueOperation *operations, size_t count, unsigned words)
{
    intptr_t offset = -(intptr_t)word_bytes * words;
    TCGv_ptr ring = NULL;

    for (size_t i = 0; i < count; i++) {
        if (may_not_run(&operations[i])) {
            ring = ring ? ring : load_ring();
            tcg_gen_st_i64(tcg_constant_i64(address_not_run), ring, offset);
        }
        offset += word_bytes * words_of(state, &operations[i]);
    }
    if (ring) {
        tcg_temp_free_ptr(ring);
    }
}

typedef struct Room {
    TCGLabel *make;
    TCGLabel *made;
    uint32_t id;
} Room;

/* Appends a record of so many words. Looks for room when it has the record, which is not filled yet; making room is out
 * of the way, at the block's end: see add_room(). */
static Room add_record(const Instrumentation *state, uint32_t id, unsigned words)
{
    const Room room = { gen_new_label(), gen_new_label(), id };
    const unsigned bytes = record_head_bytes(state->columns.memory) + word_bytes * words;
    TCGv_ptr ring = load_ring();

    tcg_gen_st_i32(tcg_constant_i32(record_head(id, words)), ring, 0);
    tcg_gen_addi_ptr(ring, ring, bytes);
    tcg_gen_st_ptr(ring, tcg_env, ring_offset());
    tcg_gen_brcondi_ptr(TCG_COND_TSTNE, ring, glue_trace_ring_bytes, room.make);
    tcg_temp_free_ptr(ring);
    gen_set_label(room.made);
    return room;
}

static void add_room(Room room, void (*full)(CPUArchState *env, uint32_t id))
{
    static TCGHelperInfo info;

    info.func = full;
    info.name = "panda_ring_full";
    info.flags = TCG_CALL_NO_RWG;
    info.typemask = dh_typemask(void, 0) | dh_typemask(env, 1) | dh_typemask(i32, 2);
    gen_set_label(room.make);
    tcg_gen_call2(full, &info, NULL, tcgv_ptr_temp(tcg_env), tcgv_i32_temp(tcg_constant_i32(room.id)));
    tcg_gen_br(room.made);
}

/* The registers with which the block, or the repetition, starts. Reads all globals. */
static void add_registers(const Instrumentation *state, void (*registers)(CPUArchState *env))
{
    static TCGHelperInfo info;

    if (!state->columns.registers) {
        return;
    }
    info.func = registers;
    info.name = "panda_block_registers";
    info.flags = TCG_CALL_NO_WRITE_GLOBALS;
    info.typemask = dh_typemask(void, 0) | dh_typemask(env, 1);
    tcg_gen_call1(registers, &info, NULL, tcgv_ptr_temp(tcg_env));
}

/* Swapped stores (movbe) are rare: the value goes through a temporary. */
static void add_swapped(TCGTemp *value, unsigned size, TCGv_ptr ring, intptr_t offset)
{
    TCGv_i64 swapped = tcg_temp_ebb_new_i64();

    if (value->type == TCG_TYPE_I32) {
        tcg_gen_extu_i32_i64(swapped, temp_tcgv_i32(value));
    } else {
        tcg_gen_mov_i64(swapped, temp_tcgv_i64(value));
    }
    tcg_gen_bswap64_i64(swapped, swapped);
    tcg_gen_shri_i64(swapped, swapped, 64 - 8 * size);
    tcg_gen_st_i64(swapped, ring, offset);
    tcg_temp_free_i64(swapped);
}

static void add_value(const Found *found, TCGv_ptr ring, intptr_t offset)
{
    TCGTemp *low = arg_temp(found->op->args[0]);

    if (found->operation.size == 16) {
        TCGTemp *high = arg_temp(found->op->args[1]);

        tcg_gen_st_i64(temp_tcgv_i64(low), ring, offset);
        tcg_gen_st_i64(temp_tcgv_i64(high), ring, offset + word_bytes);
    } else if ((found->memop & MO_BSWAP) && found->operation.size > 1) {
        add_swapped(low, found->operation.size, ring, offset);
    } else if (low->type == TCG_TYPE_I32) {
        tcg_gen_st_i32(temp_tcgv_i32(low), ring, offset);
    } else {
        tcg_gen_st_i64(temp_tcgv_i64(low), ring, offset);
    }
}

static void add_words(const Instrumentation *state, const Found *found, TCGv_i64 address)
{
    intptr_t offset = (intptr_t)word_bytes * found->word - (intptr_t)word_bytes * state->words;
    TCGv_ptr ring;

    if (words_of(state, &found->operation) == 0) {
        return;
    }
    ring = load_ring();
    if (found->operation.base == base_none) {
        tcg_gen_st_i64(address, ring, offset);
        offset += word_bytes;
    }
    if (value_words(state, &found->operation) != 0) {
        add_value(found, ring, offset);
    }
    tcg_temp_free_ptr(ring);
}

/* True if the operation overwrites what it gets its address from. */
static bool loses_address(const TCGOp *op)
{
    if (!is_load(op)) {
        return false;
    }
    for (unsigned i = 0; i < value_arguments(op); i++) {
        if (arg_temp(op->args[i]) == address_of(op)) {
            return true;
        }
    }
    return false;
}

/* Behind the operation that changes it. */
static void add_register(const Instrumentation *state, const Found *found)
{
    tcg_ctx->emit_before_op = QTAILQ_NEXT(found->op, link);
    add_words(state, found, temp_tcgv_i64(followed_global(found->operation.register_number)));
}

static void add_access(const Instrumentation *state, const Found *found)
{
    const TCGv_i64 address = temp_tcgv_i64(address_of(found->op));

    tcg_ctx->emit_before_op = found->op;
    if (found->operation.before) {
        add_words(state, found, address);
    } else if (loses_address(found->op)) {
        TCGv_i64 copy = tcg_temp_ebb_new_i64();

        tcg_gen_mov_i64(copy, address);
        tcg_ctx->emit_before_op = QTAILQ_NEXT(found->op, link);
        add_words(state, found, copy);
        tcg_temp_free_i64(copy);
    } else {
        tcg_ctx->emit_before_op = QTAILQ_NEXT(found->op, link);
        add_words(state, found, address);
    }
}

static TCGOp *first_instruction(void)
{
    TCGOp *op;

    QTAILQ_FOREACH(op, &tcg_ctx->ops, link) {
        if (op->opc == INDEX_op_insn_start) {
            return op;
        }
    }
    g_assert_not_reached();
}

void trace_add_code(Instrumentation *state, const DisasContextBase *block, uint32_t id, uint32_t repeat_id,
                    TraceHelpers helpers)
{
    Room room, repeat_room = { 0 };

    /* What the translator has freed is in use again where code is added before that. */
    tcg_temp_ebb_reset_freed(tcg_ctx);
    tcg_ctx->emit_before_op = first_instruction();
    room = add_record(state, id, state->words);
    add_not_run(state, state->operations, state->operation_count, state->words);
    add_registers(state, helpers.registers);
    if (block->panda_repeat) {
        tcg_ctx->emit_before_op = QTAILQ_NEXT(block->panda_repeat, link);
        repeat_room = add_record(state, repeat_id, state->repeated_words);
        add_not_run(state, state->repeated, state->repeated_count, state->repeated_words);
        add_registers(state, helpers.registers);
    }
    for (size_t i = 0; i < state->count; i++) {
        if (state->found[i].operation.size == 0) {
            add_register(state, &state->found[i]);
        } else {
            add_access(state, &state->found[i]);
        }
    }
    tcg_ctx->emit_before_op = NULL;
    add_room(room, helpers.full);
    if (block->panda_repeat) {
        add_room(repeat_room, helpers.full);
    }
}
