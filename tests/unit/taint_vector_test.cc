// Flip tests of vector operations and of the helpers of vector instructions.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <functional>
#include <random>

#include "tests/unit/taint_blocks.h"
#include "tests/unit/taint_dialect.h"

namespace {

using namespace panda;
using namespace panda::tests;
using trace::tcg::Dialect;

using Vector = std::array<uint8_t, 16>;
using Vectors = std::array<Vector, 3>;

template <typename T, typename Function>
Vector lanes(const Vector& a, const Vector& b, const Function& function) {
    Vector out{};
    for (size_t i = 0; i < out.size(); i += sizeof(T)) {
        T x{};
        T y{};
        std::memcpy(&x, a.data() + i, sizeof(T));
        std::memcpy(&y, b.data() + i, sizeof(T));
        const T z = static_cast<T>(function(x, y));
        std::memcpy(out.data() + i, &z, sizeof(T));
    }
    return out;
}

struct Case {
    std::string name;
    unsigned inputs;
    uint8_t element;  // log2
    std::vector<int64_t> constants;
    std::function<Vector(const Vectors&)> compute;
};

std::vector<Case> operations() {
    using V = const Vectors&;
    const auto saturated = [](int value, int low, int high) { return std::clamp(value, low, high); };
    return {
        {"mov_vec", 1, 0, {}, [](V v) { return v[0]; }},
        {"and_vec",
         2,
         0,
         {},
         [](V v) { return lanes<uint8_t>(v[0], v[1], [](int a, int b) { return a & b; }); }},
        {"or_vec",
         2,
         0,
         {},
         [](V v) { return lanes<uint8_t>(v[0], v[1], [](int a, int b) { return a | b; }); }},
        {"andc_vec",
         2,
         0,
         {},
         [](V v) { return lanes<uint8_t>(v[0], v[1], [](int a, int b) { return a & ~b; }); }},
        {"xor_vec",
         2,
         0,
         {},
         [](V v) { return lanes<uint8_t>(v[0], v[1], [](int a, int b) { return a ^ b; }); }},
        {"add_vec",
         2,
         0,
         {},
         [](V v) { return lanes<uint8_t>(v[0], v[1], [](int a, int b) { return a + b; }); }},
        {"add_vec",
         2,
         1,
         {},
         [](V v) { return lanes<uint16_t>(v[0], v[1], [](int a, int b) { return a + b; }); }},
        {"sub_vec",
         2,
         2,
         {},
         [](V v) { return lanes<uint32_t>(v[0], v[1], [](auto a, auto b) { return a - b; }); }},
        {"add_vec",
         2,
         3,
         {},
         [](V v) { return lanes<uint64_t>(v[0], v[1], [](auto a, auto b) { return a + b; }); }},
        {"ssadd_vec",
         2,
         0,
         {},
         [=](V v) {
             return lanes<int8_t>(v[0], v[1], [=](int a, int b) { return saturated(a + b, -128, 127); });
         }},
        {"umin_vec",
         2,
         0,
         {},
         [](V v) { return lanes<uint8_t>(v[0], v[1], [](int a, int b) { return std::min(a, b); }); }},
        {"smax_vec",
         2,
         1,
         {},
         [](V v) { return lanes<int16_t>(v[0], v[1], [](int a, int b) { return std::max(a, b); }); }},
        {"cmp_vec",
         2,
         0,
         {8},
         [](V v) { return lanes<uint8_t>(v[0], v[1], [](int a, int b) { return a == b ? 255 : 0; }); }},
        {"shli_vec",
         1,
         1,
         {3},
         [](V v) { return lanes<uint16_t>(v[0], v[0], [](int a, int) { return a << 3; }); }},
        {"shri_vec",
         1,
         2,
         {9},
         [](V v) { return lanes<uint32_t>(v[0], v[0], [](auto a, auto) { return a >> 9; }); }},
        {"sari_vec",
         1,
         1,
         {5},
         [](V v) { return lanes<int16_t>(v[0], v[0], [](int a, int) { return a >> 5; }); }},
        {"x86_punpckl_vec",
         2,
         0,
         {},
         [](V v) {
             Vector out{};
             for (size_t i = 0; i < 16; ++i)
                 out[i] = v[i % 2][i / 2];
             return out;
         }},
        {"x86_punpckh_vec",
         2,
         1,
         {},
         [](V v) {
             Vector out{};
             for (size_t i = 0; i < 16; ++i)
                 out[i] = v[i / 2 % 2][8 + i / 4 * 2 + i % 2];
             return out;
         }},
        {"x86_psrldq_vec",
         1,
         0,
         {5},
         [](V v) {
             Vector out{};
             for (size_t i = 0; i + 5 < 16; ++i)
                 out[i] = v[0][i + 5];
             return out;
         }},
    };
}

std::vector<Case> helpers() {
    using V = const Vectors&;
    const auto unpack = [](V v, size_t element, size_t half) {
        Vector out{};
        for (size_t i = 0; i < 16; ++i)
            out[i] = v[i / element % 2][half + i / (2 * element) * element + i % element];
        return out;
    };
    return {
        {"punpcklbw_xmm", 2, 0, {}, [=](V v) { return unpack(v, 1, 0); }},
        {"punpckhwd_xmm", 2, 0, {}, [=](V v) { return unpack(v, 2, 8); }},
        {"punpckldq_xmm", 2, 0, {}, [=](V v) { return unpack(v, 4, 0); }},
        {"punpckhqdq_xmm", 2, 0, {}, [=](V v) { return unpack(v, 8, 8); }},
        {"packuswb_xmm",
         2,
         0,
         {},
         [](V v) {
             Vector out{};
             for (size_t i = 0; i < 16; ++i) {
                 int16_t value = 0;
                 std::memcpy(&value, v[i / 8].data() + i % 8 * 2, 2);
                 out[i] = static_cast<uint8_t>(std::clamp<int>(value, 0, 255));
             }
             return out;
         }},
        {"pavgb_xmm",
         2,
         0,
         {},
         [](V v) { return lanes<uint8_t>(v[0], v[1], [](int a, int b) { return (a + b + 1) >> 1; }); }},
        {"pmuludq_xmm",
         2,
         0,
         {},
         [](V v) {
             return lanes<uint64_t>(v[0], v[1],
                                    [](auto a, auto b) { return (a & 0xffff'ffff) * (b & 0xffff'ffff); });
         }},
        {"pshufb_xmm",
         2,
         0,
         {},
         [](V v) {
             Vector out{};
             for (size_t i = 0; i < 16; ++i)
                 out[i] = (v[1][i] & 0x80) != 0 ? 0 : v[0][v[1][i] & 15];
             return out;
         }},
        {"pshufd_xmm",
         1,
         1,
         {0x4e},
         [](V v) {
             Vector out{};
             for (size_t i = 0; i < 16; ++i)
                 out[i] = v[0][(0x4e >> i / 4 * 2 & 3) * 4 + i % 4];
             return out;
         }},
        {"pshufhw_xmm",
         1,
         1,
         {0x1b},
         [](V v) {
             Vector out = v[0];
             for (size_t i = 8; i < 16; ++i)
                 out[i] = v[0][8 + (0x1b >> (i - 8) / 2 * 2 & 3) * 2 + i % 2];
             return out;
         }},
        {"shufps_xmm",
         2,
         1,
         {0xb1},
         [](V v) {
             Vector out{};
             for (size_t i = 0; i < 16; ++i)
                 out[i] = v[i / 8][(0xb1 >> i / 4 * 2 & 3) * 4 + i % 4];
             return out;
         }},
        {"shufpd_xmm",
         2,
         1,
         {1},
         [](V v) {
             Vector out{};
             for (size_t i = 0; i < 16; ++i)
                 out[i] = v[i / 8][(1 >> i / 8 & 1) * 8 + i % 8];
             return out;
         }},
    };
}

constexpr std::array<int64_t, 3> places = {864 + 64, 864 + 128, 864 + 192};  // xmm1 to xmm3
constexpr int64_t result = 864;

uint32_t operation_block(TaintMachine& machine, const Case& test) {
    TcgWriter writer(dialect());
    constexpr uint8_t v128 = 4;
    std::vector<TcgWriter::Arg> arguments = {TcgWriter::temp("out", v128)};
    for (unsigned i = 0; i < test.inputs; ++i) {
        arguments.push_back(TcgWriter::temp("in" + std::to_string(i), v128));
        writer.op("ld_vec", {arguments.back(), TcgWriter::env()}, {places[i]}, v128, 0);
    }
    writer.op(test.name, arguments, test.constants, v128, test.element);
    writer.op("st_vec", {arguments[0], TcgWriter::env()}, {result}, v128, 0);
    return machine.add(writer);
}

// env, d, inputs; and without env where there is an immediate.
uint32_t helper_block(TaintMachine& machine, const Case& test) {
    TcgWriter writer(dialect());
    std::vector<TcgWriter::Arg> arguments;
    uint32_t types = 0;
    unsigned count = 0;
    const auto add_type = [&](uint32_t type) { types |= type << 3 * ++count; };
    const auto pointer = [&](const std::string& name, int64_t offset) {
        arguments.push_back(TcgWriter::temp(name, 1));
        writer.op("add_i64", {arguments.back(), TcgWriter::env(), TcgWriter::number(offset, 1)});
        add_type(6);
    };
    if (test.constants.empty()) {
        arguments.push_back(TcgWriter::env());
        add_type(6);
    }
    pointer("d", result);
    for (unsigned i = 0; i < test.inputs; ++i)
        pointer("in" + std::to_string(i), places[i]);
    for (const int64_t constant : test.constants) {
        arguments.push_back(TcgWriter::number(constant, 0));
        add_type(2);
    }
    writer.call(test.name, 0, types, {}, arguments);
    return machine.add(writer);
}

void check(const Case& test, bool helper) {
    std::mt19937 random(7);
    TaintMachine machine(dialect());
    const uint32_t block = helper ? helper_block(machine, test) : operation_block(machine, test);
    for (unsigned round = 0; round < 60; ++round) {
        Vectors values{};
        Vectors masks{};
        for (unsigned i = 0; i < test.inputs; ++i) {
            for (unsigned k = 0; k < 16; ++k) {
                values[i][k] = static_cast<uint8_t>(random());
                masks[i][k] = static_cast<uint8_t>(random() % 3 == 0 ? random() : 0);
                machine.engine.state().set(
                    places[i] + k,
                    taint::byte_taint(machine.engine.tags().of_label(100 * (i + 1) + k), masks[i][k]));
            }
        }
        machine.run(block);
        const Vector before = test.compute(values);
        for (unsigned flip = 0; flip < 60; ++flip) {
            Vectors other = values;
            const unsigned input = random() % test.inputs;
            const unsigned byte = random() % 16;
            other[input][byte] ^= static_cast<uint8_t>(masks[input][byte] & random());
            const Vector after = test.compute(other);
            for (unsigned k = 0; k < 16; ++k) {
                const auto changed = static_cast<uint8_t>(before[k] ^ after[k]);
                const taint::ByteTaint taint = machine.engine.state().get(result + k);
                INFO(test.name << " byte " << k << " by byte " << byte << " of input " << input);
                REQUIRE((changed & ~taint::mask_of(taint)) == 0);
                if (changed == 0)
                    continue;
                const auto labels = machine.engine.tags().labels(taint::tag_of(taint));
                REQUIRE(std::ranges::find(labels, 100 * (input + 1) + byte) != labels.end());
            }
        }
    }
    CHECK(machine.engine.unknown_helpers().empty());
    CHECK(machine.engine.unknown_operations().empty());
}

TEST_CASE("no flip of a tainted bit changes a clean bit of a vector operation's result") {
    for (const Case& test : operations())
        check(test, false);
}

TEST_CASE("no flip of a tainted bit changes a clean bit of a vector instruction's result") {
    for (const Case& test : helpers())
        check(test, true);
}

TEST_CASE("moves of vectors keep each byte's labels") {
    for (const Case& test : helpers()) {
        if (test.name.find("shuf") == std::string::npos && test.name.find("punpck") == std::string::npos)
            continue;
        if (test.name == "pshufb_xmm")
            continue;
        TaintMachine machine(dialect());
        const uint32_t block = helper_block(machine, test);
        Vectors numbers{};
        for (unsigned i = 0; i < test.inputs; ++i)
            for (unsigned k = 0; k < 16; ++k) {
                numbers[i][k] = static_cast<uint8_t>(16 * i + k);
                machine.engine.state().set(
                    places[i] + k, taint::byte_taint(machine.engine.tags().of_label(16 * i + k), 0xff));
            }
        machine.run(block);
        const Vector moved = test.compute(numbers);
        for (unsigned k = 0; k < 16; ++k) {
            INFO(test.name << " byte " << k);
            const auto labels =
                machine.engine.tags().labels(taint::tag_of(machine.engine.state().get(result + k)));
            CHECK(labels == std::vector<taint::Label>{moved[k]});
        }
    }
}

TEST_CASE("one round of AES takes four bytes and the round key's") {
    TaintMachine machine(dialect());
    const Case round = {"aesenc_xmm", 2, 0, {}, {}};
    const uint32_t block = helper_block(machine, round);
    for (unsigned i = 0; i < 2; ++i)
        for (unsigned k = 0; k < 16; ++k)
            machine.engine.state().set(places[i] + k,
                                       taint::byte_taint(machine.engine.tags().of_label(16 * i + k), 0xff));
    machine.run(block);
    for (unsigned k = 0; k < 16; ++k) {
        std::vector<taint::Label> expected;
        for (unsigned row = 0; row < 4; ++row)
            expected.push_back((k / 4 + row) % 4 * 4 + row);
        expected.push_back(16 + k);
        std::ranges::sort(expected);
        CHECK(machine.engine.tags().labels(taint::tag_of(machine.engine.state().get(result + k))) ==
              expected);
    }
}

}  // namespace
