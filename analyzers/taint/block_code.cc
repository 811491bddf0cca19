#include "analyzers/taint/block_code.h"

#include "common/error.h"

namespace panda::taint {

using trace::tcg::CallType;
using trace::tcg::Opcode;
using trace::tcg::Operation;
using trace::tcg::TempKind;

void StatePointers::take(const Operation& operation) {
    if (operation.outputs != 1)
        return;
    const auto inputs = code_->inputs(operation);
    std::optional<int64_t>& made = offsets_[code_->outputs(operation)[0]];
    made.reset();
    if (operation.opcode == Opcode::mov) {
        made = offset(inputs[0]);
    } else if (operation.opcode == Opcode::add) {
        const auto& right = code_->temporaries[inputs[1]];
        if (right.kind == TempKind::constant)
            made = offset(inputs[0], right.value);
    }
}

std::optional<int64_t> StatePointers::offset(uint16_t temporary, int64_t more) const {
    constexpr int64_t farthest = int64_t{1} << 32;
    const auto& from = code_->temporaries[temporary];
    const std::optional<int64_t> begin = from.kind == TempKind::fixed ? 0 : offsets_[temporary];
    if (!begin || more > farthest || more < -farthest || *begin > farthest || *begin < -farthest)
        return std::nullopt;
    return *begin + more;
}

uint32_t gvec_width(int64_t descriptor) {
    return static_cast<uint32_t>((descriptor & 0xff) + 1) * 8;
}

namespace {

bool is_state_load(Opcode opcode) {
    return (opcode >= Opcode::ld8u && opcode <= Opcode::ld) || opcode == Opcode::dupm;
}
bool is_state_store(Opcode opcode) {
    return opcode >= Opcode::st8 && opcode <= Opcode::st;
}
bool accesses_guest(Opcode opcode) {
    return opcode == Opcode::qemu_ld || opcode == Opcode::qemu_st || opcode == Opcode::qemu_st8;
}

// Collects what a block touches.
class Toucher {
  public:
    Toucher(const BlockCode& block, const trace::tcg::Dialect& dialect, const ShadowState& state)
        : block_(block), dialect_(dialect), state_(state), pointers_(block.code) {}

    BlockClasses run() {
        for (const Operation& operation : block_.code.operations)
            take(operation);
        result_.touched |= result_.written;
        result_.known = true;
        return result_;
    }

  private:
    void take(const Operation& operation) {
        for (const uint16_t input : block_.code.inputs(operation))
            result_.touched |= global(input);
        for (const uint16_t output : block_.code.outputs(operation))
            result_.written |= global(output);
        if (is_state_load(operation.opcode))
            result_.touched |= place(operation, 0);
        else if (is_state_store(operation.opcode))
            result_.written |= place(operation, 1);
        else if (operation.opcode == Opcode::call)
            take_call(operation);
        pointers_.take(operation);
    }

    Classes global(uint16_t temporary) const {
        const auto& from = block_.code.temporaries[temporary];
        if (from.kind != TempKind::global)
            return 0;
        const auto& global = dialect_.globals()[from.global];
        return state_.classes({global.offset, trace::tcg::width(global.type) / 8});
    }

    Classes place(const Operation& operation, unsigned input) const {
        const auto offset =
            pointers_.offset(block_.code.inputs(operation)[input], block_.code.constants_of(operation)[0]);
        return offset ? state_.classes({*offset, trace::tcg::width(operation.type) / 8}) : all_classes;
    }

    void take_call(const Operation& operation) {
        const HelperPlan& plan = *block_.plans[operation.first_constant];
        result_.touched |= plan.read_classes;
        result_.written |= plan.write_classes;
        if (plan.kind != HelperPlan::Kind::operands)
            return;
        constexpr uint32_t widest = 64;
        for (const uint16_t input : block_.code.inputs(operation))
            if (const auto offset = pointers_.offset(input); offset && *offset != 0)
                result_.written |= state_.classes({*offset, widest});
    }

    const BlockCode& block_;
    const trace::tcg::Dialect& dialect_;
    const ShadowState& state_;
    StatePointers pointers_;
    BlockClasses result_;
};

// Gives the loads and stores among the operations the numbers that they have in the block's list. A string instruction
// that repeats, the last of its block, has code for all iterations but the last and code for the last; the list has its
// loads and stores once, because an execution is one iteration.
bool number_accesses(BlockCode& made, std::span<const trace::MemoryOperation> listed) {
    std::vector<const trace::MemoryOperation*> wanted;
    for (const trace::MemoryOperation& operation : listed)
        if (operation.is_access())
            wanted.push_back(&operation);
    std::vector<uint32_t> places;
    for (uint32_t i = 0; i < made.code.operations.size(); ++i)
        if (accesses_guest(made.code.operations[i].opcode))
            places.push_back(i);
    const size_t twice = places.size() - std::min(places.size(), wanted.size());
    if (wanted.size() > places.size() || twice > wanted.size())
        return false;
    for (size_t i = 0; i < places.size(); ++i) {
        const size_t number = i < wanted.size() ? i : i - twice;
        const Operation& operation = made.code.operations[places[i]];
        if (wanted[number]->size != made.code.access(operation).size() ||
            wanted[number]->instruction != operation.instruction ||
            wanted[number]->store != (operation.opcode != Opcode::qemu_ld))
            return false;
        made.memory_numbers[places[i]] = static_cast<uint32_t>(number);
    }
    return true;
}

// Whether an operation is a function of its inputs alone, and small.
bool is_plain(const Operation& operation) {
    constexpr unsigned most_inputs = 4;
    if (operation.outputs != 1 || operation.inputs > most_inputs || trace::tcg::is_vector(operation.type))
        return false;
    switch (operation.opcode) {
        case Opcode::unknown:
        case Opcode::discard:
        case Opcode::call:
        case Opcode::insn_start:
        case Opcode::add2:
        case Opcode::sub2:
        case Opcode::mulu2:
        case Opcode::muls2:
        case Opcode::div2:
        case Opcode::divu2:
        case Opcode::setcond2:
            return false;
        default:
            return !is_state_load(operation.opcode) && !accesses_guest(operation.opcode);
    }
}

// Which temporaries may ever point into the state, whatever the way through the block is.
std::vector<bool> possible_pointers(const trace::tcg::BlockOperations& code) {
    std::vector<bool> possible(code.temporaries.size());
    for (bool changed = true; changed;) {
        changed = false;
        for (const Operation& operation : code.operations) {
            if (operation.outputs != 1 ||
                (operation.opcode != Opcode::mov && operation.opcode != Opcode::add))
                continue;
            const uint16_t from = code.inputs(operation)[0];
            const uint16_t to = code.outputs(operation)[0];
            if (!possible[to] && (possible[from] || code.temporaries[from].kind == TempKind::fixed))
                possible[to] = changed = true;
        }
    }
    return possible;
}

void prepare(BlockCode& made, const trace::tcg::Dialect& dialect) {
    for (const trace::tcg::Temporary& temporary : made.code.temporaries) {
        const unsigned whole = trace::tcg::width(temporary.type) / 8;
        BlockCode::Slot slot;
        slot.size = static_cast<uint8_t>(std::min(whole, 8u));
        slot.whole_size = static_cast<uint8_t>(whole);
        slot.global = temporary.kind == TempKind::global;
        if (slot.global)
            if (const int64_t offset = dialect.globals()[temporary.global].offset;
                ShadowState::inside({offset, slot.size}))
                slot.offset = static_cast<int32_t>(offset);
        made.slots.push_back(slot);
        made.contents.push_back(
            {static_cast<uint64_t>(temporary.value), temporary.kind == TempKind::constant});
    }
    const std::vector<bool> possible = possible_pointers(made.code);
    for (const Operation& operation : made.code.operations) {
        const bool makes_pointer = operation.outputs == 1 && possible[made.code.outputs(operation)[0]];
        made.traits.push_back({is_plain(operation), makes_pointer});
        made.makes_pointers = made.makes_pointers || makes_pointer;
    }
}

}  // namespace

BlockCodes::BlockCodes(const trace::tcg::Dialect& dialect, const trace::BlockTable& blocks,
                       const ShadowState& state, const std::string& path)
    : dialect_(dialect), blocks_(blocks), state_(state), path_(path), plans_(state) {}

BlockCode BlockCodes::read(uint32_t id) {
    const trace::BlockView block = blocks_[id];
    BlockCode made;
    made.code = parse_operations(dialect_, block.tcg, blocks_.instruction_count(id), {path_, id});
    made.label_places.resize(made.code.labels.size());
    made.memory_numbers.resize(made.code.operations.size(), BlockCode::none);
    made.plans.resize(made.code.calls.size());
    for (uint32_t i = 0; i < made.code.operations.size(); ++i) {
        const Operation& operation = made.code.operations[i];
        if (operation.opcode == Opcode::insn_start)
            made.starts.push_back(i);
        else if (operation.opcode == Opcode::set_label)
            made.label_places[made.code.label(operation)] = i;
        else if (operation.opcode == Opcode::call)
            made.plans[operation.first_constant] = &plans_.find(made.code.call(operation));
    }
    made.starts.push_back(static_cast<uint32_t>(made.code.operations.size()));
    if (!number_accesses(made, block.operations))
        throw FileError(path_, "block " + std::to_string(id),
                        "its TCG operations and its memory operations differ");
    return made;
}

const BlockClasses& BlockCodes::find_classes(uint32_t id) {
    if (classes_.size() < blocks_.size())
        classes_.resize(blocks_.size());
    classes_[id] = Toucher(read(id), dialect_, state_).run();
    return classes_[id];
}

const BlockCode& BlockCodes::code(uint32_t id) {
    if (codes_.size() < blocks_.size())
        codes_.resize(blocks_.size());
    if (codes_[id] == nullptr) {
        codes_[id] = std::make_unique<BlockCode>(read(id));
        prepare(*codes_[id], dialect_);
    }
    return *codes_[id];
}

}  // namespace panda::taint
