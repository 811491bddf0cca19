#include "analyzers/taint/block_run.h"

#include <algorithm>

#include "common/error.h"

namespace panda::taint {

using trace::AccessKind;
using trace::tcg::Opcode;
using trace::tcg::TempKind;

namespace {

// A loop within a block that does nothing which the trace tells.
constexpr uint32_t most_jumps = 1000;
constexpr uint32_t no_instruction = ~uint32_t{0};

}  // namespace

BlockRun::BlockRun(Engine& engine)
    : engine_(engine), rules_(engine.rules_), state_(engine.state_), target_(engine.state_.find("rip")) {
    if (!target_)
        target_ = state_.find("eip");
}

// --- Pieces ---

void BlockRun::run(const Piece& piece) {
    piece_ = &piece;
    code_ = &engine_.codes_.code(piece.block);
    state_.settle();
    if (piece.first)
        begin();
    if (!piece.deliveries.empty())
        deliver(piece);
    match_accesses(piece);
    stored_.clear();
    if (stopped_)
        return;
    const uint32_t count = static_cast<uint32_t>(code_->starts.size()) - 1;
    partial_ = piece.begun ? piece.to : no_instruction;
    const uint32_t last = std::min(piece.begun ? piece.to + 1 : piece.to, count);
    if (piece.from < last)
        go(code_->starts[piece.from], code_->starts[last]);
    end_instruction();
    if (stopped_ || last == count || piece.begun)
        check_target();
}

void BlockRun::begin() {
    const size_t count = code_->contents.size();
    if (contents_.size() < count) {
        contents_.resize(count);
        taints_.resize(count);
    }
    std::ranges::copy(code_->contents, contents_.begin());
    pointers_.start(code_->code, code_->makes_pointers);
    weak_ = stopped_ = false;
    weak_until_ = 0;
    instruction_ = 0;
    touched_ = clean;
    changes_ = false;
}

// The frame has, from the highest address down: ss and the stack pointer (always in long mode, else if the stack
// changes), the flags, cs, the instruction pointer, and for some exceptions an error code. Its stores go down.
void BlockRun::deliver(const Piece& piece) {
    std::vector<const Reach*> stores;
    for (const Reach& reach : piece.deliveries)
        if (reach.access->kind == AccessKind::helper_store)
            stores.push_back(&reach);
    const bool with_stack = stores.size() >= 5;
    const size_t flags_at = with_stack ? 2 : 0;
    const auto flags = [this] {
        Tag tag = clean;
        for (const char* part : {"cc_op", "cc_dst", "cc_src", "cc_src2"})
            if (const auto range = state_.find(part))
                tag = rules_.tags().unite(tag, tag_of_state(*range));
        return tag;
    };
    const auto stack = state_.find("rsp") ? state_.find("rsp") : state_.find("esp");
    for (size_t i = 0; i < stores.size(); ++i) {
        const Tag tag = i == flags_at                   ? flags()
                        : with_stack && i == 1 && stack ? tag_of_state(*stack)
                                                        : clean;
        for (uint32_t byte = 0; byte < stores[i]->access->size; ++byte)
            set_memory(stores[i]->place(byte), byte_taint(tag, 0xff));
    }
}

// Finds out which of the block's loads and stores ran. All that must have run did; of the others (conditional ones) as
// many as the trace has accesses for, the first ones.
void BlockRun::match_accesses(const Piece& piece) {
    const auto operations = engine_.blocks_[piece.block].operations;
    helpers_.clear();
    if (piece.first)
        matched_.clear();
    std::ranges::fill(matched_, nullptr);  // what earlier pieces did is done
    std::vector<const Reach*>& own = own_;
    own.clear();
    for (const Reach& reach : piece.reaches) {
        if (reach.access->kind == AccessKind::load || reach.access->kind == AccessKind::store)
            own.push_back(&reach);
        else
            helpers_.push_back(reach);
    }
    size_t next = 0;
    size_t number = 0;
    for (size_t i = 0; i < operations.size(); ++i) {
        const trace::MemoryOperation& operation = operations[i];
        if (!operation.is_access())
            continue;
        if (number++ < matched_.size())  // of an earlier piece
            continue;
        if (operation.instruction < piece.from) {  // of one that was not run
            matched_.push_back(nullptr);
            continue;
        }
        if (operation.instruction > piece.to || (operation.instruction == piece.to && !piece.begun))
            break;
        const bool fits = next < own.size() && own[next]->access->instruction == operation.instruction &&
                          own[next]->access->size == operation.size &&
                          own[next]->access->is_store() == operation.store;
        bool ran = fits;
        if (fits && operation.conditional) {
            size_t needed = 0;
            for (size_t k = i + 1;
                 k < operations.size() && operations[k].instruction == operation.instruction; ++k)
                needed += operations[k].is_access() && !operations[k].conditional;
            size_t left = 0;
            while (next + left < own.size() && own[next + left]->access->instruction == operation.instruction)
                ++left;
            ran = left > needed;
        }
        matched_.push_back(ran ? own[next++] : nullptr);
    }
}

// --- The way through a block ---

void BlockRun::go(uint32_t first, uint32_t last) {
    uint32_t jumps = 0;
    uint32_t at = first;
    while (at < last && !stopped_) {
        const Operation& operation = code_->code.operations[at];
        if (weak_ && at >= weak_until_)
            weak_ = false;
        if (operation.opcode == Opcode::insn_start) {
            start_instruction(operation);
            ++at;
            continue;
        }
        const uint32_t number = code_->memory_numbers[at];
        if (number != BlockCode::none && (number >= matched_.size() || matched_[number] == nullptr)) {
            // Control did not come here: an instruction was cut short, or a branch led elsewhere.
            if (operation.instruction == partial_)
                return;
            at = next_label(at);
            continue;
        }
        if (number != BlockCode::none)
            weak_ = false;  // it ran, so control did come here
        uint32_t next = at + 1;
        const BlockCode::Traits traits = code_->traits[at];
        if (traits.plain)
            plain(operation);
        else
            next = control(at);
        if (traits.makes_pointer)
            pointers_.take(operation);
        if (operation.instruction == partial_)
            weaken();  // where it was cut short is not known exactly
        if (next <= at && ++jumps > most_jumps)
            return;
        at = next;
    }
}

void BlockRun::start_instruction(const Operation& operation) {
    end_instruction();
    instruction_ = operation.instruction;
    if (instruction_ == partial_)
        weaken();
}

void BlockRun::weaken() {
    weak_ = true;
    weak_until_ = static_cast<uint32_t>(code_->code.operations.size());
}

void BlockRun::end_instruction() {
    if (touched_ != clean && engine_.listener_ != nullptr)
        engine_.listener_->on_instruction({piece_->instr + instruction_, piece_->block, instruction_},
                                          touched_, changes_);
    touched_ = clean;
    changes_ = false;
}

void BlockRun::check_target() {
    if (!target_ || !state_.may_be_tainted(target_->offset))
        return;
    const Tag tag = tag_of_state(*target_);
    if (tag == clean)
        return;
    if (engine_.listener_ != nullptr)
        engine_.listener_->on_jump({piece_->instr + instruction_, piece_->block, instruction_}, tag);
    // The program counter is where the trace says it is. What depends on it is control flow, which is not followed.
    for (uint32_t i = 0; i < target_->size; ++i)
        state_.set(target_->offset + i, 0);
}

// The operation that sets the next label, or the end of the block.
uint32_t BlockRun::next_label(uint32_t at) const {
    const auto& operations = code_->code.operations;
    do
        ++at;
    while (at < operations.size() && operations[at].opcode != Opcode::set_label &&
           operations[at].opcode != Opcode::insn_start);
    return at;
}

// Whether a branch before operation `at` leads to this label.
bool BlockRun::leads_to(size_t label, uint32_t at) const {
    for (uint32_t i = 0; i < at; ++i) {
        const Operation& operation = code_->code.operations[i];
        if ((operation.opcode == Opcode::br || operation.opcode == Opcode::brcond ||
             operation.opcode == Opcode::brcond2) &&
            code_->code.label(operation) == label)
            return true;
    }
    return false;
}

// What the accesses say of the operations [first, last): whether control came to the first one.
BlockRun::Evidence BlockRun::evidence(uint32_t first, uint32_t last) const {
    bool branches = false;
    for (uint32_t at = first; at < last; ++at) {
        const Operation& operation = code_->code.operations[at];
        if (operation.opcode == Opcode::set_label && leads_to(code_->code.label(operation), first - 1))
            break;  // what follows may be reached in another way
        branches = branches || operation.opcode == Opcode::br || operation.opcode == Opcode::brcond ||
                   operation.opcode == Opcode::brcond2;
        const uint32_t number = code_->memory_numbers[at];
        if (number == BlockCode::none)
            continue;
        if (number < matched_.size() && matched_[number] != nullptr)
            return Evidence::ran;
        return branches || operation.instruction == partial_ ? Evidence::none : Evidence::not_run;
    }
    return Evidence::none;
}

uint32_t BlockRun::branch(uint32_t at, bool known, bool taken) {
    const uint32_t target = code_->label_places[code_->code.label(code_->code.operations[at])];
    if (weak_ && (!known || taken)) {
        // Which of the ways is taken may depend on the one that led here.
        if (target > at)
            weak_until_ = std::max(weak_until_, target);
        return at + 1;
    }
    if (known)
        return taken ? target : at + 1;
    if (target <= at)
        return at + 1;  // one more round would have had accesses of its own
    switch (evidence(at + 1, target)) {
        case Evidence::ran:
            return at + 1;
        case Evidence::not_run:
            return target;
        case Evidence::none:
            break;
    }
    weak_ = true;
    weak_until_ = std::max(weak_until_, target);
    return at + 1;
}

// The execution ends here, unless another way goes on.
uint32_t BlockRun::leave(uint32_t at) {
    if (!weak_) {
        stopped_ = true;
        return at + 1;
    }
    // What follows is only run if the branch was taken that leads behind this.
    weak_until_ = static_cast<uint32_t>(code_->code.operations.size());
    return next_label(at);
}

uint32_t BlockRun::control(uint32_t at) {
    const Operation& operation = code_->code.operations[at];
    const auto& code = code_->code;
    switch (operation.opcode) {
        case Opcode::set_label:
        case Opcode::mb:
        case Opcode::goto_tb:
        case Opcode::plugin_cb:
        case Opcode::plugin_mem_cb:
            return at + 1;
        case Opcode::discard:  // nobody reads it before it is written again
            for (const uint16_t output : code.outputs(operation))
                set(output, {}, std::nullopt);
            return at + 1;
        case Opcode::exit_tb:
        case Opcode::goto_ptr:
            return leave(at);
        case Opcode::br:
            return branch(at, true, true);
        case Opcode::brcond: {
            const Operand a = input(operation, 0);
            const Operand b = input(operation, 1);
            const unsigned size = trace::tcg::width(operation.type) / 8;
            const auto condition = code.condition(operation);
            if (a.bits.any() || b.bits.any()) {
                const Tag tag = rules_.compare(condition, a, b, size);
                touch(tag, false);
                if (tag != clean && engine_.listener_ != nullptr)
                    engine_.listener_->on_branch({piece_->instr + instruction_, piece_->block, instruction_},
                                                 tag);
            }
            const bool known = a.known && b.known;
            return branch(at, known, known && holds(condition, a.value, b.value, size));
        }
        case Opcode::brcond2: {
            const Tag tag = tag_of_inputs(operation);
            touch(tag, false);
            if (tag != clean && engine_.listener_ != nullptr)
                engine_.listener_->on_branch({piece_->instr + instruction_, piece_->block, instruction_},
                                             tag);
            return branch(at, false, false);
        }
        case Opcode::call:
            if (!call(operation))
                stopped_ = true;
            return at + 1;
        default:
            execute(at);
            return at + 1;
    }
}

void BlockRun::execute(uint32_t at) {
    const Operation& operation = code_->code.operations[at];
    const uint32_t number = code_->memory_numbers[at];
    if (number != BlockCode::none)
        return guest_access(operation, number);
    if ((operation.opcode >= Opcode::ld8u && operation.opcode <= Opcode::st) ||
        operation.opcode == Opcode::dupm)
        return state_access(operation);
    if (trace::tcg::is_vector(operation.type) && operation.opcode != Opcode::unknown)
        return vector(operation);
    if (!double_width(operation))
        scalar(operation);
}

// --- Temporaries ---

BlockRun::Content BlockRun::look_at_state(const BlockCode::Slot& slot) const {
    Content content;
    if (slot.offset == BlockCode::Slot::outside)
        return content;
    if (const auto value = state_.value({slot.offset, slot.size})) {
        content.value = *value;
        content.known = true;
    }
    if (state_.may_be_tainted(slot.offset))
        for (unsigned i = 0; i < slot.size; ++i)
            content.tainted = content.tainted || state_.get(slot.offset + i) != 0;
    return content;
}

Operand BlockRun::get(uint16_t temporary) const {
    const BlockCode::Slot& slot = code_->slots[temporary];
    const Content content = look(temporary);
    Operand operand;
    operand.known = content.known;
    operand.value = content.value;
    if (!content.tainted)
        return operand;
    operand.bits = load_bits(slot.global ? state_.at(slot.offset) : taints_[temporary].data(), slot.size);
    return operand;
}

ByteTaint BlockRun::united(ByteTaint a, ByteTaint b) {
    return byte_taint(rules_.tags().unite(taint::tag_of(a), taint::tag_of(b)), mask_of(a) | mask_of(b));
}

void BlockRun::set_clean(uint16_t temporary, std::optional<uint64_t> value) {
    const BlockCode::Slot& slot = code_->slots[temporary];
    const bool known = value.has_value() && !weak_;
    const uint64_t number = known ? *value : 0;
    if (slot.global) {
        if (slot.offset == BlockCode::Slot::outside)
            return;
        if (!weak_ && state_.may_be_tainted(slot.offset))
            for (unsigned i = 0; i < slot.size; ++i)
                state_.set(slot.offset + i, 0);
        return set_state_value({slot.offset, slot.size}, known, number);
    }
    Content& content = contents_[temporary];
    content.tainted = content.tainted && weak_;
    content.known = known;
    content.value = number;
}

void BlockRun::set(uint16_t temporary, const Bits& bits, std::optional<uint64_t> value) {
    if (!bits.any())
        return set_clean(temporary, value);
    const BlockCode::Slot& slot = code_->slots[temporary];
    const bool known = value.has_value() && !weak_;
    const uint64_t number = known ? *value : 0;
    if (slot.global) {
        if (slot.offset == BlockCode::Slot::outside)
            return;
        for (unsigned i = 0; i < slot.size; ++i)
            set_state(slot.offset + i, byte_taint(bits.tags[i], bits.byte_mask(i)));
        return set_state_value({slot.offset, slot.size}, known, number);
    }
    Content& content = contents_[temporary];
    auto& taint = taints_[temporary];
    if (weak_ && content.tainted) {
        std::array<ByteTaint, 8> fresh{};
        store_bits(bits, fresh.data(), slot.size);
        for (unsigned i = 0; i < slot.size; ++i)
            taint[i] = united(taint[i], fresh[i]);
    } else {
        content.tainted = true;
        if (slot.whole_size > 8)
            taint.fill(0);
        store_bits(bits, taint.data(), slot.size);
        std::fill(taint.begin() + slot.size, taint.begin() + 8, 0);
    }
    content.known = known;
    content.value = number;
}

std::array<ByteTaint, BlockRun::widest> BlockRun::bytes(uint16_t temporary) const {
    std::array<ByteTaint, widest> taint{};
    const BlockCode::Slot& slot = code_->slots[temporary];
    if (slot.global)
        store_bits(get(temporary).bits, taint.data(), slot.size);
    else if (contents_[temporary].tainted)
        std::copy_n(taints_[temporary].begin(), std::max<unsigned>(slot.whole_size, 8), taint.begin());
    return taint;
}

void BlockRun::set_bytes(uint16_t temporary, const std::array<ByteTaint, widest>& taint) {
    const BlockCode::Slot& slot = code_->slots[temporary];
    if (slot.global)
        return set(temporary, load_bits(taint.data(), slot.size), std::nullopt);
    Content& content = contents_[temporary];
    content.known = false;
    if (weak_ && content.tainted) {
        for (unsigned i = 0; i < widest; ++i)
            taints_[temporary][i] = united(taints_[temporary][i], taint[i]);
        return;
    }
    content.tainted = std::ranges::any_of(taint, [](ByteTaint byte) { return byte != 0; });
    taints_[temporary] = taint;
}

bool BlockRun::is_tainted(uint16_t temporary) const {
    return look(temporary).tainted;
}

Tag BlockRun::tag_of_inputs(const Operation& operation) const {
    Tag tag = clean;
    for (const uint16_t input : code_->code.inputs(operation)) {
        if (!is_tainted(input))
            continue;
        for (const ByteTaint byte : bytes(input))
            tag = rules_.tags().unite(tag, taint::tag_of(byte));
    }
    return tag;
}

void BlockRun::touch(Tag tag, bool changes) {
    if (tag == clean || engine_.listener_ == nullptr || !engine_.follows_instructions_)
        return;
    touched_ = rules_.tags().unite(touched_, tag);
    changes_ = changes_ || changes;
}

// --- The state and memory ---

void BlockRun::set_state(int64_t offset, ByteTaint taint) {
    state_.set(offset, weak_ ? united(state_.get(offset), taint) : taint);
}

void BlockRun::set_state_value(const StateRange& range, bool known, uint64_t value) {
    if (known && !weak_)
        state_.set_value(range, value);
    else
        state_.forget_value(range);
}

Tag BlockRun::tag_of_state(const StateRange& range) const {
    Tag tag = clean;
    if (!ShadowState::inside(range))
        return tag;
    for (uint32_t i = 0; i < range.size; ++i)
        tag = rules_.tags().unite(tag, taint::tag_of(state_.get(range.offset + i)));
    return tag;
}

void BlockRun::set_memory(uint64_t flat, ByteTaint taint) {
    if (flat == Reach::nowhere)
        return;
    ShadowMemory& memory = engine_.memory_;
    memory.set(flat, weak_ ? united(memory.get(flat), taint) : taint);
}

}  // namespace panda::taint
