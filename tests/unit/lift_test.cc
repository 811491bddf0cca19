// The rules of lifting, each by a block of one operation that is compiled and run; and blocks that QEMU translated.
#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/IR/Verifier.h>
#include <llvm/Support/TargetSelect.h>

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cstring>

#include "analyzers/lift/helpers.h"
#include "analyzers/lift/lifter.h"
#include "tests/unit/tcg_samples.h"

namespace {

using namespace panda;
using namespace panda::trace::tcg;
using lift::Lifter;

// Up to four inputs and two outputs, each of up to 16 bytes.
using Value = std::array<uint64_t, 2>;
constexpr int64_t value_bytes = 16;
constexpr int64_t first_output = 4 * value_bytes;

const Dialect& dialect() {
    static const Dialect read = Dialect::of(tests::read_tcg_samples(TCG_SAMPLES).header);
    return read;
}

// Loads the inputs from the state, computes, stores the outputs, and ends.
class OneOperation {
  public:
    OneOperation(Opcode opcode, Type type, unsigned element, size_t inputs, size_t outputs,
                 std::vector<int64_t> constants, Type input_type) {
        block_.temporaries.push_back({.kind = TempKind::fixed, .type = Type::i64});
        for (size_t i = 0; i < outputs; ++i)
            block_.temporaries.push_back({.kind = TempKind::whole_block, .type = output_type(opcode, type)});
        for (size_t i = 0; i < inputs; ++i)
            block_.temporaries.push_back({.kind = TempKind::whole_block, .type = input_type});
        const auto first_input = static_cast<uint16_t>(1 + outputs);
        for (uint16_t i = 0; i < inputs; ++i)
            add(Opcode::ld, input_type, 0, {static_cast<uint16_t>(first_input + i)}, {0}, {i * value_bytes});
        std::vector<uint16_t> from;
        std::vector<uint16_t> to;
        for (uint16_t i = 0; i < inputs; ++i)
            from.push_back(static_cast<uint16_t>(first_input + i));
        for (uint16_t i = 0; i < outputs; ++i)
            to.push_back(static_cast<uint16_t>(1 + i));
        add(opcode, type, element, to, from, std::move(constants));
        for (uint16_t i = 0; i < outputs; ++i)
            add(Opcode::st, output_type(opcode, type), 0, {}, {static_cast<uint16_t>(1 + i), 0},
                {first_output + i * value_bytes});
        add(Opcode::exit_tb, Type::i64, 0, {}, {}, {1});
    }
    const BlockOperations& block() const { return block_; }

  private:
    static Type output_type(Opcode opcode, Type type) {
        if (opcode == Opcode::ext_i32_i64 || opcode == Opcode::extu_i32_i64)
            return Type::i64;
        return opcode == Opcode::extrl_i64_i32 || opcode == Opcode::extrh_i64_i32 ? Type::i32 : type;
    }
    void add(Opcode opcode, Type type, unsigned element, std::vector<uint16_t> outputs,
             std::vector<uint16_t> inputs, std::vector<int64_t> constants) {
        Operation operation{.opcode = opcode, .type = type};
        operation.element = static_cast<uint8_t>(element);
        operation.outputs = static_cast<uint8_t>(outputs.size());
        operation.inputs = static_cast<uint8_t>(inputs.size());
        operation.constants = static_cast<uint8_t>(constants.size());
        operation.first_argument = static_cast<uint32_t>(block_.arguments.size());
        operation.first_constant = static_cast<uint32_t>(block_.constants.size());
        block_.arguments.insert(block_.arguments.end(), outputs.begin(), outputs.end());
        block_.arguments.insert(block_.arguments.end(), inputs.begin(), inputs.end());
        block_.constants.insert(block_.constants.end(), constants.begin(), constants.end());
        block_.operations.push_back(operation);
    }

    BlockOperations block_;
};

// Lifts the block, compiles it, and runs it on a state.
std::array<Value, 2> run(const BlockOperations& block, const std::vector<Value>& inputs) {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    auto context = std::make_unique<llvm::LLVMContext>();
    auto module = std::make_unique<llvm::Module>("test", *context);
    llvm::LLVMContext other;
    const llvm::Module helpers("helpers", other);
    const lift::StateLayout layout;
    const llvm::Function& function = Lifter(dialect(), layout, helpers).lift(*module, "block", block);
    REQUIRE_FALSE(llvm::verifyFunction(function));
    auto jit = llvm::cantFail(llvm::orc::LLJITBuilder().create());
    llvm::cantFail(jit->addIRModule({std::move(module), std::move(context)}));
    auto* compiled = llvm::cantFail(jit->lookup("block")).toPtr<uint32_t(void*)>();
    alignas(16) std::array<Value, 6> state{};
    std::copy(inputs.begin(), inputs.end(), state.begin());
    CHECK(compiled(state.data()) == 1);
    return {state[4], state[5]};
}

struct Rule {
    Opcode opcode;
    Type type;
    unsigned element;
    std::vector<Value> inputs;
    std::vector<int64_t> constants;
    std::vector<Value> expected;
};

void check(const Rule& rule, Type input_type) {
    INFO(operation_name(rule.opcode, rule.type));
    const OneOperation one(rule.opcode, rule.type, rule.element, rule.inputs.size(), rule.expected.size(),
                           rule.constants, input_type);
    const auto result = run(one.block(), rule.inputs);
    for (size_t i = 0; i < rule.expected.size(); ++i)
        CHECK(result[i] == rule.expected[i]);
}

constexpr uint64_t all = ~uint64_t{0};

TEST_CASE("arithmetic of scalars") {
    const std::vector<Rule> rules = {
        {Opcode::add, Type::i32, 0, {{0xffff'ffff}, {2}}, {}, {{1}}},
        {Opcode::sub, Type::i64, 0, {{1}, {2}}, {}, {{all}}},
        {Opcode::mul, Type::i64, 0, {{uint64_t{1} << 40}, {uint64_t{1} << 30}}, {}, {{0}}},
        {Opcode::div, Type::i32, 0, {{static_cast<uint32_t>(-7)}, {2}}, {}, {{static_cast<uint32_t>(-3)}}},
        {Opcode::rem, Type::i32, 0, {{static_cast<uint32_t>(-7)}, {2}}, {}, {{static_cast<uint32_t>(-1)}}},
        {Opcode::divu, Type::i64, 0, {{all}, {16}}, {}, {{all / 16}}},
        {Opcode::remu, Type::i64, 0, {{all}, {16}}, {}, {{15}}},
        {Opcode::neg, Type::i64, 0, {{5}}, {}, {{static_cast<uint64_t>(-5)}}},
        {Opcode::andc, Type::i64, 0, {{0xff}, {0x0f}}, {}, {{0xf0}}},
        {Opcode::orc, Type::i32, 0, {{0}, {0xffff'0000}}, {}, {{0xffff}}},
        {Opcode::eqv, Type::i32, 0, {{0xff}, {0x0f}}, {}, {{0xffff'ff0f}}},
        {Opcode::nand, Type::i32, 0, {{0xff}, {0x0f}}, {}, {{0xffff'fff0}}},
        {Opcode::nor, Type::i32, 0, {{0xff}, {0xf00}}, {}, {{0xffff'f000}}},
        {Opcode::add2, Type::i64, 0, {{all}, {1}, {1}, {2}}, {}, {{0}, {4}}},
        {Opcode::sub2, Type::i64, 0, {{0}, {4}, {1}, {1}}, {}, {{all}, {2}}},
        {Opcode::mulu2, Type::i64, 0, {{all}, {all}}, {}, {{1}, {all - 1}}},
        {Opcode::muls2, Type::i64, 0, {{all}, {3}}, {}, {{static_cast<uint64_t>(-3)}, {all}}},
        {Opcode::muluh, Type::i64, 0, {{all}, {all}}, {}, {{all - 1}}},
        {Opcode::mulsh, Type::i64, 0, {{all}, {all}}, {}, {{0}}},
        {Opcode::divu2, Type::i64, 0, {{5}, {1}, {2}}, {}, {{(uint64_t{1} << 63) + 2}, {1}}},
        {Opcode::div2,
         Type::i32,
         0,
         {{static_cast<uint32_t>(-9)}, {0xffff'ffff}, {2}},
         {},
         {{static_cast<uint32_t>(-4)}, {0xffff'ffff}}},
        {Opcode::setcond, Type::i64, 0, {{all}, {0}}, {static_cast<int64_t>(Condition::lt)}, {{1}}},
        {Opcode::setcond, Type::i64, 0, {{all}, {0}}, {static_cast<int64_t>(Condition::ltu)}, {{0}}},
        {Opcode::negsetcond,
         Type::i32,
         0,
         {{6}, {3}},
         {static_cast<int64_t>(Condition::tstne)},
         {{0xffff'ffff}}},
        {Opcode::setcond, Type::i64, 0, {{4}, {3}}, {static_cast<int64_t>(Condition::tsteq)}, {{1}}},
        {Opcode::movcond, Type::i64, 0, {{1}, {2}, {3}, {4}}, {static_cast<int64_t>(Condition::geu)}, {{4}}},
    };
    for (const Rule& rule : rules)
        check(rule, rule.type);
}

TEST_CASE("bits of scalars") {
    const uint64_t word = 0x1122'3344'5566'7788;
    const std::vector<Rule> rules = {
        {Opcode::shl, Type::i32, 0, {{0xc000'0001}, {1}}, {}, {{0x8000'0002}}},
        {Opcode::sar, Type::i32, 0, {{0x8000'0000}, {4}}, {}, {{0xf800'0000}}},
        {Opcode::shr, Type::i64, 0, {{all}, {60}}, {}, {{15}}},
        {Opcode::rotl, Type::i64, 0, {{word}, {8}}, {}, {{0x2233'4455'6677'8811}}},
        {Opcode::rotr, Type::i32, 0, {{0x1122'3344}, {8}}, {}, {{0x4411'2233}}},
        {Opcode::deposit, Type::i64, 0, {{word}, {0xabcd}}, {8, 16}, {{0x1122'3344'55ab'cd88}}},
        {Opcode::extract, Type::i64, 0, {{word}}, {8, 16}, {{0x6677}}},
        {Opcode::sextract, Type::i64, 0, {{0xf00}}, {8, 4}, {{all}}},
        {Opcode::extract2, Type::i32, 0, {{0x1122'3344}, {0xaabb'ccdd}}, {8}, {{0xdd11'2233}}},
        {Opcode::extract2, Type::i32, 0, {{0x1122'3344}, {0xaabb'ccdd}}, {32}, {{0xaabb'ccdd}}},
        {Opcode::clz, Type::i32, 0, {{0x10}, {77}}, {}, {{27}}},
        {Opcode::clz, Type::i32, 0, {{0}, {77}}, {}, {{77}}},
        {Opcode::ctz, Type::i64, 0, {{0x10}, {77}}, {}, {{4}}},
        {Opcode::ctpop, Type::i64, 0, {{word}}, {}, {{26}}},
        {Opcode::ext8s, Type::i32, 0, {{0x80}}, {}, {{0xffff'ff80}}},
        {Opcode::ext16u, Type::i64, 0, {{word}}, {}, {{0x7788}}},
        {Opcode::ext32s, Type::i64, 0, {{0x8000'0000}}, {}, {{0xffff'ffff'8000'0000}}},
        {Opcode::bswap16, Type::i64, 0, {{0x80ff}}, {bswap_output_signed}, {{0xffff'ffff'ffff'ff80}}},
        {Opcode::bswap32, Type::i64, 0, {{word}}, {bswap_output_extended}, {{0x8877'6655}}},
        {Opcode::bswap64, Type::i64, 0, {{word}}, {0}, {{0x8877'6655'4433'2211}}},
    };
    for (const Rule& rule : rules)
        check(rule, rule.type);
    check({Opcode::ext_i32_i64, Type::i64, 0, {{0x8000'0000}}, {}, {{0xffff'ffff'8000'0000}}}, Type::i32);
    check({Opcode::extu_i32_i64, Type::i64, 0, {{0x8000'0000}}, {}, {{0x8000'0000}}}, Type::i32);
    check({Opcode::extrl_i64_i32, Type::i64, 0, {{word}}, {}, {{0x5566'7788}}}, Type::i64);
    check({Opcode::extrh_i64_i32, Type::i64, 0, {{word}}, {}, {{0x1122'3344}}}, Type::i64);
}

TEST_CASE("vectors") {
    const Value bytes = {0x0706'0504'0302'0100, 0x0f0e'0d0c'0b0a'0908};
    const Value others = {0x1716'1514'1312'1110, 0x1f1e'1d1c'1b1a'1918};
    const Value large = {0x7fff'8000'0001'ffff, 0x00ff'0100'ff80'ff00};
    const auto v = Type::v128;
    const std::vector<Rule> rules = {
        {Opcode::add, v, 0, {{0xff, 0xff00}, {0x01, 0x0100}}, {}, {{0, 0}}},
        {Opcode::sub, v, 1, {{0, 1}, {1, 1}}, {}, {{0xffff, 0}}},
        {Opcode::mul,
         v,
         1,
         {{0x0001'0002'0003'0004, 0}, {2 * 0x0001'0001'0001'0001, 0}},
         {},
         {{0x0002'0004'0006'0008, 0}}},
        {Opcode::abs, v, 2, {{0xffff'ffff'0000'0001, 0}}, {}, {{0x0000'0001'0000'0001, 0}}},
        {Opcode::ssadd, v, 0, {{0x7f, 0x80}, {1, 0xff}}, {}, {{0x7f, 0x80}}},
        {Opcode::usadd, v, 0, {{0xff, 0x80}, {1, 0x10}}, {}, {{0xff, 0x90}}},
        {Opcode::sssub, v, 1, {{0x8000, 0}, {1, 1}}, {}, {{0x8000, 0xffff}}},
        {Opcode::ussub, v, 1, {{5, 7}, {6, 6}}, {}, {{0, 1}}},
        {Opcode::smin, v, 0, {{0xff, 1}, {1, 2}}, {}, {{0xff, 1}}},
        {Opcode::umax, v, 0, {{0xff, 1}, {1, 2}}, {}, {{0xff, 2}}},
        {Opcode::andc, v, 0, {{0xff, all}, {0x0f, all}}, {}, {{0xf0, 0}}},
        {Opcode::bitsel, v, 0, {{0xf0, all}, {0xaa, 1}, {0x55, 2}}, {}, {{0xa5, 1}}},
        {Opcode::shli, v, 1, {{0x8001, 0}}, {1}, {{2, 0}}},
        {Opcode::sari, v, 2, {{0x8000'0000, 0}}, {31}, {{0xffff'ffff, 0}}},
        {Opcode::rotli, v, 2, {{0x8000'0001, 0}}, {1}, {{3, 0}}},
        {Opcode::shlv, v, 3, {{1, 1}, {4, 8}}, {}, {{16, 256}}},
        {Opcode::cmp, v, 3, {{1, 2}, {1, 3}}, {static_cast<int64_t>(Condition::eq)}, {{all, 0}}},
        {Opcode::cmpsel,
         v,
         3,
         {{1, 2}, {2, 1}, {10, 11}, {20, 21}},
         {static_cast<int64_t>(Condition::lt)},
         {{10, 21}}},
        {Opcode::x86_punpckl, v, 0, {bytes, others}, {}, {{0x1303'1202'1101'1000, 0x1707'1606'1505'1404}}},
        {Opcode::x86_punpckh, v, 1, {bytes, others}, {}, {{0x1b1a'0b0a'1918'0908, 0x1f1e'0f0e'1d1c'0d0c}}},
        {Opcode::x86_packss, v, 0, {large, {0, 0}}, {}, {{0x7f7f'8080'7f80'01ff, 0}}},
        {Opcode::x86_packus, v, 0, {large, {0, 0}}, {}, {{0xffff'0000'ff00'0100, 0}}},
        {Opcode::x86_psrldq, v, 0, {bytes}, {4}, {{0x0b0a'0908'0706'0504, 0x0f0e'0d0c}}},
        {Opcode::x86_shufps, v, 2, {bytes, others}, {0b11'10'01'00}, {{0x0706'0504'0302'0100, others[1]}}},
        {Opcode::x86_shufps,
         v,
         2,
         {bytes, others},
         {0b00'01'10'11},
         {{0x0b0a'0908'0f0e'0d0c, 0x1312'1110'1716'1514}}},
        {Opcode::x86_blend,
         v,
         2,
         {bytes, others},
         {0b1010},
         {{0x1716'1514'0302'0100, 0x1f1e'1d1c'0b0a'0908}}},
    };
    for (const Rule& rule : rules)
        check(rule, v);
    check({Opcode::dup, v, 0, {{0x12ab}}, {}, {{0xabab'abab'abab'abab, 0xabab'abab'abab'abab}}}, Type::i64);
}

TEST_CASE("blocks that QEMU translated are lifted, with the types that their helpers have") {
    llvm::LLVMContext context;
    const lift::Helpers helpers = lift::read_helpers(context, HELPERS);
    const Lifter lifter(dialect(), helpers.layout, *helpers.module);
    llvm::Module module("blocks", context);
    size_t number = 0;
    for (const tests::TcgSample& sample : tests::read_tcg_samples(TCG_SAMPLES).blocks) {
        const auto block = parse_operations(dialect(), sample.bytes, sample.instructions);
        const llvm::Function& function = lifter.lift(module, "block_" + std::to_string(number++), block);
        CHECK_FALSE(llvm::verifyFunction(function));
    }
    CHECK(number > 20);
}

TEST_CASE("a helper that is missing, and an operation without a rule, are errors") {
    llvm::LLVMContext context;
    const llvm::Module none("helpers", context);
    const lift::StateLayout layout;
    llvm::Module module("blocks", context);
    BlockOperations block;
    block.operations.push_back({.opcode = Opcode::call});
    block.calls.push_back({.name = "frobnicate", .flags = 0, .type_mask = 0});
    CHECK_THROWS_AS(Lifter(dialect(), layout, none).lift(module, "block", block), Error);
    CHECK(module.empty());
}

}  // namespace
