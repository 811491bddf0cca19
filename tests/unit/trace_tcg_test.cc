// Typed TCG operations, on blocks that QEMU translated (tests/samples), and on bytes that no QEMU wrote.
#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_exception.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <random>

#include "tests/unit/tcg_samples.h"
#include "trace/tcg/operations.h"
#include "trace/tcg/print.h"

namespace {

using namespace panda;
using namespace panda::trace::tcg;
using Catch::Matchers::ContainsSubstring;
using Catch::Matchers::MessageMatches;

const tests::TcgSamples& samples() {
    static const tests::TcgSamples read = tests::read_tcg_samples(TCG_SAMPLES);
    return read;
}

trace::TraceHeader header_with(const std::string& operations, const std::string& globals) {
    trace::TraceHeader header;
    header.architecture = "x86_64";
    header.facts = {{"tcg-operations", operations}, {"tcg-globals", globals}};
    return header;
}

TEST_CASE("a block's operations print as in QEMU's log") {
    const Dialect dialect = Dialect::of(samples().header);
    for (const tests::TcgSample& sample : samples().blocks) {
        const BlockOperations block = parse_operations(dialect, sample.bytes, sample.instructions);
        std::string text;
        for (const Operation& operation : block.operations)
            text += operation_text(dialect, block, operation) + "\n";
        CHECK(text == sample.text);
    }
}

TEST_CASE("a dialect knows all operations of QEMU 10.0 by name") {
    const Dialect dialect = Dialect::of(samples().header);
    CHECK(dialect.forms().size() == 198);
    for (const OperationForm& form : dialect.forms()) {
        INFO(form.name);
        REQUIRE(form.meaning.opcode != Opcode::unknown);
        CHECK(operation_name(form.meaning.opcode, form.meaning.type) == form.name);
    }
    CHECK(dialect.globals()[0] == Global{"env", Type::i64, 0});
}

TEST_CASE("operations are bound by name") {
    // The same block, with all opcodes in another order.
    const auto& header = samples().header;
    std::vector<std::string> names;
    std::string rest = header.facts.at("tcg-operations") + " ";
    for (size_t end; (end = rest.find(' ')) != std::string::npos; rest = rest.substr(end + 1))
        names.push_back(rest.substr(0, end));
    std::string reversed;
    for (size_t i = names.size(); i-- > 0;)
        reversed += names[i] + (i == 0 ? "" : " ");
    const Dialect other = Dialect::of(header_with(reversed, header.facts.at("tcg-globals")));
    const size_t last = names.size() - 1;
    for (size_t i = 0; i <= last; ++i)
        CHECK(other.forms()[last - i].name == Dialect::of(header).forms()[i].name);
}

TEST_CASE("an operation that QEMU 10.0 does not have keeps its arguments") {
    const Dialect dialect =
        Dialect::of(header_with("insn_start/0/0/2 frobnicate_i32/1/1/1", "env/1/0 cc_op/0/168"));
    const Bytes bytes = tests::bytes_of_hex(
        "000000"
        "0000"
        "010000"
        "00020001"
        "0104000e"
        "05");
    const BlockOperations block = parse_operations(dialect, bytes, 1);
    REQUIRE(block.operations.size() == 2);
    CHECK(block.operations[1].opcode == Opcode::unknown);
    CHECK(operation_text(dialect, block, block.operations[1]) ==
          " frobnicate_i32 cc_op,$0x7,$0xfffffffffffffffd");
}

TEST_CASE("traces that say one word of insn_start have two") {
    const Dialect dialect = Dialect::of(header_with("insn_start/0/0/1", ""));
    CHECK(parse_operations(dialect, tests::bytes_of_hex("00000002040000000600"), 2).operations.size() == 2);
}

TEST_CASE("facts that contradict QEMU are refused") {
    const auto complaint = [](const std::string& operations, const std::string& globals) {
        try {
            Dialect::of(header_with(operations, globals));
        } catch (const Error& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    CHECK(complaint("mov_i32/1/1/0", "rax/1/0").empty());
    CHECK_THAT(complaint("mov_i32/1/2/0", ""), ContainsSubstring("another shape"));
    CHECK_THAT(complaint("mov_i32/1/1", ""), ContainsSubstring("malformed"));
    CHECK_THAT(complaint("mov_i32/1/1/99", ""), ContainsSubstring("so many arguments"));
    CHECK_THAT(complaint("mov_i32/1/1/0", "rax/9/0"), ContainsSubstring("impossible type"));
    CHECK_THAT(complaint("mov_i32/1/1/0", "rax/1/x"), ContainsSubstring("malformed"));
    CHECK_THROWS_MATCHES(Dialect::of({}), Error, MessageMatches(ContainsSubstring("no TCG operations")));
}

TEST_CASE("bytes that were cut are refused, with the operation") {
    const Dialect dialect = Dialect::of(samples().header);
    const tests::TcgSample& sample = samples().blocks.front();
    for (size_t size = 1; size < sample.bytes.size(); ++size) {
        const auto part = std::span(sample.bytes).first(size);
        try {
            // What ends behind an operation may be whole, if the last instruction has begun.
            const BlockOperations block = parse_operations(dialect, part, sample.instructions);
            CHECK(block.operations.back().instruction + 1u == sample.instructions);
        } catch (const Error& error) {
            const std::string text = error.what();
            CHECK((text.find("operation ") == 0 || text.find("they are of") == 0 ||
                   text.find("a branch leads") == 0));
        }
    }
    const std::string file = "some.capnp";
    CHECK_THROWS_MATCHES(
        parse_operations(dialect, std::span(sample.bytes).first(4), sample.instructions, {file, 17}),
        FileError,
        MessageMatches(ContainsSubstring("some.capnp: the TCG operations of block 17: operation 0: ")));
}

TEST_CASE("damaged bytes are refused, or are other operations that fit together") {
    const Dialect dialect = Dialect::of(samples().header);
    std::mt19937 random(1);
    size_t refused = 0;
    size_t tried = 0;
    for (const tests::TcgSample& sample : samples().blocks) {
        for (int round = 0; round < 200; ++round, ++tried) {
            Bytes bytes = sample.bytes;
            bytes[random() % bytes.size()] = static_cast<std::byte>(random());
            try {
                const BlockOperations block = parse_operations(dialect, bytes, sample.instructions);
                for (const Operation& operation : block.operations)
                    CHECK(!operation_text(dialect, block, operation).empty());
            } catch (const Error&) {
                ++refused;
            }
        }
    }
    CHECK(refused > tried / 2);
    CHECK(refused < tried);
}

TEST_CASE("what operations cannot be is refused") {
    const Dialect dialect =
        Dialect::of(header_with("insn_start/0/0/2 mov_i64/1/1/0 brcond_i64/0/2/2 set_label/0/0/1 "
                                "qemu_ld_i32/1/1/1 shli_vec/1/1/1 call/0/0/3",
                                "env/1/0 rax/1/0 rcx/1/8"));
    const auto complaint = [&](const std::string& hex) {
        try {
            parse_operations(dialect, tests::bytes_of_hex("0000000000" + hex), 1);
        } catch (const Error& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    const std::string rax = "00020101", rcx = "01020102", env = "00030100";
    CHECK(complaint("010000" + rax + rcx).empty());
    CHECK_THAT(complaint("090000"), ContainsSubstring("operation 1: the trace names no operation 9"));
    CHECK_THAT(complaint("010000" + rax + "05020102"), ContainsSubstring("out of order"));
    CHECK_THAT(complaint("010000" + rax + "01020109"), ContainsSubstring("does not name"));
    CHECK_THAT(complaint("010000" + rax + "01000000"), ContainsSubstring("another type"));
    CHECK_THAT(complaint("010000" + env + rcx), ContainsSubstring("never changes"));
    CHECK_THAT(complaint("020000" + rax + rcx + "1001"), ContainsSubstring("nowhere in the block"));
    CHECK_THAT(complaint("020000" + rax + rcx + "0801"), ContainsSubstring("impossible condition"));
    CHECK_THAT(complaint("0300000103000001"), ContainsSubstring("sets a label again"));
    CHECK_THAT(complaint("040000"
                         "000000"
                         "010001"
                         "60"),
               ContainsSubstring("accesses more"));
    CHECK_THAT(complaint("050103"
                         "00000301000310"),
               ContainsSubstring("impossible type of vector"));
    CHECK_THAT(complaint("050304"
                         "00000301000310"),
               ContainsSubstring("wider than its vector"));
    CHECK_THAT(complaint("050300"
                         "0000030100"
                         "0310"),
               ContainsSubstring("out of bounds"));
    CHECK(complaint("050300"
                    "0000030100"
                    "030e")
              .empty());
    CHECK_THAT(complaint("060100" + rax +
                         "0161"
                         "00"
                         "00"),
               ContainsSubstring("type mask"));
    CHECK(complaint("060100" + rax +
                    "0161"
                    "00"
                    "20")
              .empty());
    CHECK_THAT(complaint("0000000000"), ContainsSubstring("an instruction that the block does not have"));
}

}  // namespace
