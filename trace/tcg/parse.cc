#include <algorithm>
#include <bit>

#include "common/bytes.h"
#include "common/error.h"
#include "trace/tcg/operations.h"

namespace panda::trace::tcg {
namespace {

constexpr size_t max_temporaries = 4096;  // QEMU's own limit is TCG_MAX_TEMPS, 512
constexpr uint64_t max_helper_name = 256;
constexpr unsigned max_call_arguments = 16;

constexpr uint32_t valid_conditions = 0b1111'1111'1100'1111;  // bits of Condition
constexpr int64_t max_packed_access = (1 << 15) - 1;          // MemOpIdx
constexpr unsigned last_size_code = 4;                        // 16 bytes

// The widest element, as log2 of its bytes, that a value of this type has.
unsigned whole_element(Type type) {
    return static_cast<unsigned>(std::countr_zero(width(type) / 8));
}

class Parser {
  public:
    Parser(const Dialect& dialect, std::span<const std::byte> bytes, uint32_t instructions)
        : dialect_(dialect), in_(bytes), instructions_(instructions) {}

    BlockOperations run() {
        while (!in_.at_end()) {
            try {
                take_operation();
            } catch (const Error& error) {
                throw Error("operation " + std::to_string(out_.operations.size()) + ": " + error.what());
            }
        }
        if (started_ != instructions_)
            throw Error("they are of " + std::to_string(started_) + " instructions, and the block has " +
                        std::to_string(instructions_));
        check_labels();
        return std::move(out_);
    }

  private:
    void take_operation() {
        const auto number = in_.get<uint8_t>();
        const auto param1 = in_.get<uint8_t>();
        const auto param2 = in_.get<uint8_t>();
        if (number >= dialect_.forms().size())
            throw Error("the trace names no operation " + std::to_string(number));
        form_ = &dialect_.forms()[number];
        operation_ =
            Operation{.opcode = form_->meaning.opcode, .type = form_->meaning.type, .number = number};
        operation_.first_argument = static_cast<uint32_t>(out_.arguments.size());
        operation_.first_constant = static_cast<uint32_t>(out_.constants.size());
        if (operation_.opcode == Opcode::insn_start)
            ++started_;
        if (started_ == 0 || started_ > instructions_)
            throw Error(started_ == 0 ? "it stands before the first instruction"
                                      : "it is of an instruction that the block does not have");
        operation_.instruction = static_cast<uint16_t>(started_ - 1);
        if (operation_.opcode == Opcode::call)
            take_call(param1, param2);
        else
            take_other(param1, param2);
        out_.operations.push_back(operation_);
    }

    void take_other(uint8_t param1, uint8_t param2) {
        operation_.outputs = form_->outputs;
        operation_.inputs = form_->inputs;
        operation_.constants = form_->constants;
        if (is_vector(operation_.type))
            set_vector(param1, param2);
        take_arguments();
        if (operation_.opcode != Opcode::unknown)
            check_types();
        for (unsigned i = 0; i < operation_.constants; ++i)
            out_.constants.push_back(take_constant(i));
        check_numbers();
    }

    void set_vector(uint8_t type, uint8_t element) {
        if (type >= type_count || !is_vector(static_cast<Type>(type)))
            throw Error("it has an impossible type of vector");
        operation_.type = static_cast<Type>(type);
        if (element > whole_element(operation_.type))
            throw Error("it has elements that are wider than its vector");
        operation_.element = element;
    }

    void take_arguments() {
        for (unsigned i = 0; i < operation_.outputs + operation_.inputs; ++i)
            out_.arguments.push_back(take_temporary());
    }

    uint16_t take_temporary() {
        const uint64_t number = in_.get_varint();
        if (number < out_.temporaries.size())
            return static_cast<uint16_t>(number);
        if (number != out_.temporaries.size() || number >= max_temporaries)
            throw Error("its temporary " + std::to_string(number) + " is out of order");
        out_.temporaries.push_back(take_appearance());
        return static_cast<uint16_t>(number);
    }

    Temporary take_appearance() {
        const auto kind = in_.get<uint8_t>();
        const auto type = in_.get<uint8_t>();
        if (kind > static_cast<uint8_t>(TempKind::constant) || type >= type_count ||
            static_cast<Type>(type) == Type::i128)
            throw Error("it has a temporary of an impossible kind or type");
        Temporary temporary{.kind = static_cast<TempKind>(kind), .type = static_cast<Type>(type)};
        if (temporary.kind == TempKind::constant) {
            temporary.value = zigzag_decode(in_.get_varint());
        } else if (temporary.kind == TempKind::global || temporary.kind == TempKind::fixed) {
            const uint64_t global = in_.get_varint();
            if (global >= dialect_.globals().size() || dialect_.globals()[global].type != temporary.type)
                throw Error("it has a global that the trace does not name");
            temporary.global = static_cast<uint16_t>(global);
        }
        return temporary;
    }

    // --- Types ---

    bool fits(char letter, Type type) const {
        switch (letter) {
            case 'r':
                // A part of a wider vector may be meant.
                return is_vector(operation_.type) ? is_vector(type) && width(type) >= width(operation_.type)
                                                  : type == operation_.type;
            case '4':
                return type == Type::i32;
            case '8':
                return type == Type::i64;
            case 's':
                return type == Type::i32 || type == Type::i64;
            default:
                return true;
        }
    }

    void check_types() const {
        const Shape& shape = form_->meaning.shape;
        const std::string letters = std::string(shape.outputs) + std::string(shape.inputs);
        for (size_t i = 0; i < letters.size(); ++i) {
            const Temporary& temporary = out_.temporaries[out_.arguments[operation_.first_argument + i]];
            if (!fits(letters[i], temporary.type))
                throw Error(form_->name + " has an argument of another type");
            if (i < shape.outputs.size())
                check_output(temporary);
        }
    }

    void check_output(const Temporary& temporary) const {
        if (temporary.kind == TempKind::constant || temporary.kind == TempKind::fixed)
            throw Error(form_->name + " writes to what never changes");
    }

    // --- Constants ---

    char constant_letter(unsigned i) const {
        const std::string_view letters = form_->meaning.shape.constants;
        return i < letters.size() ? letters[i] : 'n';
    }

    int64_t take_constant(unsigned i) {
        switch (constant_letter(i)) {
            case 'l':
                return take_label();
            case 'c':
                return take_condition();
            case 'm':
                return take_access();
            default:
                return operation_.opcode == Opcode::exit_tb ? static_cast<int64_t>(in_.get_varint())
                                                            : zigzag_decode(in_.get_varint());
        }
    }

    int64_t take_label() {
        const uint64_t number = in_.get_varint();
        if (number > UINT32_MAX)
            throw Error("it has an impossible label");
        const auto found = std::ranges::find(out_.labels, number);
        const auto index = found - out_.labels.begin();
        if (found == out_.labels.end()) {
            if (out_.labels.size() == max_temporaries)
                throw Error("the block has more labels than it can");
            out_.labels.push_back(static_cast<uint32_t>(number));
            times_set_.push_back(0);
        }
        if (operation_.opcode == Opcode::set_label && ++times_set_[static_cast<size_t>(index)] > 1)
            throw Error("it sets a label again");
        return index;
    }

    int64_t take_condition() {
        const int64_t condition = zigzag_decode(in_.get_varint());
        if (condition < 0 || condition > 15 || (valid_conditions >> condition & 1) == 0)
            throw Error(form_->name + " has an impossible condition");
        return condition;
    }

    int64_t take_access() {
        const int64_t packed = zigzag_decode(in_.get_varint());
        if (packed < 0 || packed > max_packed_access)
            throw Error(form_->name + " has an impossible memory operation");
        const unsigned code = static_cast<unsigned>(packed) >> 4 & 7;
        const bool whole = operation_.type == Type::i128;
        if (code > last_size_code || (whole ? code != last_size_code : code > whole_element(operation_.type)))
            throw Error(form_->name + " accesses more than it has");
        return packed;
    }

    int64_t constant(unsigned i) const { return out_.constants[operation_.first_constant + i]; }

    void expect_below(int64_t value, int64_t limit) const {
        if (value < 0 || value >= limit)
            throw Error(form_->name + " has a constant that is out of bounds");
    }

    // Bounds of plain numbers, on which rules and interpreters rely.
    void check_numbers() const {
        const auto bits = static_cast<int64_t>(width(operation_.type));
        switch (operation_.opcode) {
            case Opcode::deposit:
            case Opcode::extract:
            case Opcode::sextract:
                expect_below(constant(0), bits);
                expect_below(constant(1) - 1, bits - constant(0));
                break;
            case Opcode::extract2:
                expect_below(constant(0), bits + 1);
                break;
            case Opcode::bswap16:
            case Opcode::bswap32:
            case Opcode::bswap64:
                expect_below(constant(0), 8);
                break;
            case Opcode::shli:
            case Opcode::shri:
            case Opcode::sari:
            case Opcode::rotli:
            case Opcode::x86_vpshldi:
                expect_below(constant(0), int64_t{8} << operation_.element);
                break;
            case Opcode::x86_shufps:
            case Opcode::x86_blend:
            case Opcode::x86_psrldq:
            case Opcode::x86_vperm2i128:
                expect_below(constant(0), 256);
                break;
            case Opcode::exit_tb:
                expect_below(constant(0), 4);
                break;
            case Opcode::goto_tb:
                expect_below(constant(0), 2);
                break;
            default:
                break;
        }
    }

    // --- Calls ---

    void take_call(uint8_t inputs, uint8_t outputs) {
        if (inputs > max_call_arguments || outputs > 2)
            throw Error("a call cannot have so many arguments");
        operation_.inputs = inputs;
        operation_.outputs = outputs;
        take_arguments();
        Call call{.name = in_.get_string(max_helper_name), .flags = in_.get<uint8_t>()};
        const uint64_t mask = in_.get_varint();
        if (mask >= 1u << 24)
            throw Error("a call has an impossible type mask");
        call.type_mask = static_cast<uint32_t>(mask);
        check_call(call);
        operation_.first_constant = static_cast<uint32_t>(out_.calls.size());
        out_.calls.push_back(std::move(call));
    }

    // How many arguments of a call are of this type, and checks them. first: place in arguments.
    unsigned check_call_argument(CallType type, size_t first, size_t end) const {
        const unsigned count = type == CallType::none ? 0 : type == CallType::i128 ? 2 : 1;
        const Type expected = type == CallType::i32 || type == CallType::s32 ? Type::i32 : Type::i64;
        if (static_cast<unsigned>(type) == 1 || first + count > end)
            throw Error("a call has other arguments than its type mask says");
        for (size_t i = first; i < first + count; ++i) {
            if (out_.temporaries[out_.arguments[i]].type != expected)
                throw Error("a call has an argument of another type than its type mask says");
        }
        return count;
    }

    void check_call(const Call& call) const {
        size_t at = operation_.first_argument;
        const size_t outputs_end = at + operation_.outputs;
        const size_t end = outputs_end + operation_.inputs;
        for (size_t i = at; i < outputs_end; ++i)
            check_output(out_.temporaries[out_.arguments[i]]);
        at += check_call_argument(call.result(), at, outputs_end);
        const bool whole = at == outputs_end;
        for (unsigned i = 0; call.argument(i) != CallType::none; ++i)
            at += check_call_argument(call.argument(i), at, end);
        if (!whole || at != end)
            throw Error("a call has other arguments than its type mask says");
    }

    void check_labels() const {
        for (size_t i = 0; i < out_.labels.size(); ++i) {
            if (times_set_[i] == 0)
                throw Error("a branch leads to label " + std::to_string(out_.labels[i]) +
                            ", which is nowhere in the block");
        }
    }

    const Dialect& dialect_;
    ByteReader in_;
    uint32_t instructions_;
    uint32_t started_ = 0;  // instructions
    const OperationForm* form_ = nullptr;
    Operation operation_;
    BlockOperations out_;
    std::vector<uint8_t> times_set_;  // by label
};

}  // namespace

BlockOperations parse_operations(const Dialect& dialect, std::span<const std::byte> bytes,
                                 uint32_t instructions) {
    return Parser(dialect, bytes, instructions).run();
}

BlockOperations parse_operations(const Dialect& dialect, std::span<const std::byte> bytes,
                                 uint32_t instructions, const BlockPlace& place) {
    try {
        if (bytes.empty())
            throw Error("they are missing");
        return parse_operations(dialect, bytes, instructions);
    } catch (const Error& error) {
        throw FileError(place.file, "the TCG operations of block " + std::to_string(place.id), error.what());
    }
}

}  // namespace panda::trace::tcg
