// Flips tainted bits of every operation's inputs: no bit of the result that changes may be clean. And counts how many of
// the tainted bits of results some flip changes: how precise the rules are.
#include <algorithm>
#include <bit>
#include <catch2/catch_test_macros.hpp>
#include <cstdio>
#include <functional>
#include <random>

#include "tests/unit/taint_blocks.h"
#include "tests/unit/taint_dialect.h"

namespace {

using namespace panda;
using namespace panda::tests;
using trace::tcg::Dialect;

using Values = std::array<uint64_t, 4>;

// An operation, and what it computes, written here once more without a look at the engine's own.
struct Scalar {
    std::string name;  // without _i32 and _i64
    unsigned inputs;
    std::vector<int64_t> constants;
    std::function<uint64_t(const Values&, unsigned width)> compute;
    unsigned outputs = 1;
    std::function<uint64_t(const Values&, unsigned width)> second = {};
};

uint64_t cut(uint64_t value, unsigned width) {
    return width == 64 ? value : value & 0xffff'ffff;
}
int64_t as_signed(uint64_t value, unsigned width) {
    return width == 64 ? static_cast<int64_t>(value) : static_cast<int32_t>(value);
}
bool compares(int64_t condition, uint64_t a, uint64_t b, unsigned width) {
    const int64_t c = as_signed(a, width);
    const int64_t d = as_signed(b, width);
    switch (condition) {
        case 2:
            return c < d;
        case 3:
            return c >= d;
        case 6:
            return c > d;
        case 7:
            return c <= d;
        case 8:
            return a == b;
        case 9:
            return a != b;
        case 10:
            return a < b;
        case 11:
            return a >= b;
        case 12:
            return (a & b) == 0;
        case 13:
            return (a & b) != 0;
        case 14:
            return a > b;
        default:
            return a <= b;
    }
}

std::vector<Scalar> scalars() {
    using V = const Values&;
    std::vector<Scalar> all = {
        {"mov", 1, {}, [](V v, unsigned) { return v[0]; }},
        {"add", 2, {}, [](V v, unsigned) { return v[0] + v[1]; }},
        {"sub", 2, {}, [](V v, unsigned) { return v[0] - v[1]; }},
        {"neg", 1, {}, [](V v, unsigned) { return 0 - v[0]; }},
        {"mul", 2, {}, [](V v, unsigned) { return v[0] * v[1]; }},
        {"and", 2, {}, [](V v, unsigned) { return v[0] & v[1]; }},
        {"or", 2, {}, [](V v, unsigned) { return v[0] | v[1]; }},
        {"xor", 2, {}, [](V v, unsigned) { return v[0] ^ v[1]; }},
        {"not", 1, {}, [](V v, unsigned) { return ~v[0]; }},
        {"andc", 2, {}, [](V v, unsigned) { return v[0] & ~v[1]; }},
        {"orc", 2, {}, [](V v, unsigned) { return v[0] | ~v[1]; }},
        {"eqv", 2, {}, [](V v, unsigned) { return ~(v[0] ^ v[1]); }},
        {"nand", 2, {}, [](V v, unsigned) { return ~(v[0] & v[1]); }},
        {"nor", 2, {}, [](V v, unsigned) { return ~(v[0] | v[1]); }},
        {"shl", 2, {}, [](V v, unsigned w) { return v[0] << (v[1] % w); }},
        {"shr", 2, {}, [](V v, unsigned w) { return v[0] >> (v[1] % w); }},
        {"sar",
         2,
         {},
         [](V v, unsigned w) { return static_cast<uint64_t>(as_signed(v[0], w) >> (v[1] % w)); }},
        {"rotl",
         2,
         {},
         [](V v, unsigned w) {
             return w == 64 ? std::rotl(v[0], static_cast<int>(v[1] % 64))
                            : std::rotl(static_cast<uint32_t>(v[0]), static_cast<int>(v[1] % 32));
         }},
        {"rotr",
         2,
         {},
         [](V v, unsigned w) {
             return w == 64 ? std::rotr(v[0], static_cast<int>(v[1] % 64))
                            : std::rotr(static_cast<uint32_t>(v[0]), static_cast<int>(v[1] % 32));
         }},
        {"divu", 2, {}, [](V v, unsigned) { return v[1] == 0 ? 0 : v[0] / v[1]; }},
        {"remu", 2, {}, [](V v, unsigned) { return v[1] == 0 ? 0 : v[0] % v[1]; }},
        {"clz",
         2,
         {},
         [](V v, unsigned w) {
             return v[0] == 0 ? v[1] : static_cast<uint64_t>(std::countl_zero(v[0])) - (64 - w);
         }},
        {"ctz",
         2,
         {},
         [](V v, unsigned) { return v[0] == 0 ? v[1] : static_cast<uint64_t>(std::countr_zero(v[0])); }},
        {"ctpop", 1, {}, [](V v, unsigned) { return static_cast<uint64_t>(std::popcount(v[0])); }},
        {"ext8s", 1, {}, [](V v, unsigned) { return static_cast<uint64_t>(static_cast<int8_t>(v[0])); }},
        {"ext8u", 1, {}, [](V v, unsigned) { return v[0] & 0xff; }},
        {"ext16s", 1, {}, [](V v, unsigned) { return static_cast<uint64_t>(static_cast<int16_t>(v[0])); }},
        {"ext16u", 1, {}, [](V v, unsigned) { return v[0] & 0xffff; }},
        {"muluh",
         2,
         {},
         [](V v, unsigned w) {
             __extension__ using Wide = unsigned __int128;
             return static_cast<uint64_t>(Wide{v[0]} * v[1] >> w);
         }},
        {"bswap32",
         1,
         {0},
         [](V v, unsigned) { return uint64_t{__builtin_bswap32(static_cast<uint32_t>(v[0]))}; }},
        {"bswap16",
         1,
         {2},
         [](V v, unsigned) { return uint64_t{__builtin_bswap16(static_cast<uint16_t>(v[0]))}; }},
        {"bswap16",
         1,
         {4},
         [](V v, unsigned) {
             return static_cast<uint64_t>(
                 static_cast<int16_t>(__builtin_bswap16(static_cast<uint16_t>(v[0]))));
         }},
        {"add2",
         4,
         {},
         [](V v, unsigned) { return v[0] + v[2]; },
         2,
         [](V v, unsigned w) { return v[1] + v[3] + (cut(v[0] + v[2], w) < v[0]); }},
        {"sub2",
         4,
         {},
         [](V v, unsigned) { return v[0] - v[2]; },
         2,
         [](V v, unsigned) { return v[1] - v[3] - (v[0] < v[2]); }},
        {"mulu2",
         2,
         {},
         [](V v, unsigned) { return v[0] * v[1]; },
         2,
         [](V v, unsigned w) {
             __extension__ using Wide = unsigned __int128;
             return static_cast<uint64_t>(Wide{v[0]} * v[1] >> w);
         }},
    };
    for (const auto& [at, size] : {std::pair<int64_t, int64_t>{0, 8}, {0, 16}, {8, 8}, {5, 11}}) {
        const auto mask = ((uint64_t{1} << size) - 1) << at;
        all.push_back({"deposit", 2, {at, size}, [mask, at = at](V v, unsigned) {
                           return (v[0] & ~mask) | (v[1] << at & mask);
                       }});
        all.push_back({"extract", 1, {at, size}, [at = at, size = size](V v, unsigned) {
                           return v[0] >> at & ((uint64_t{1} << size) - 1);
                       }});
        all.push_back({"sextract", 1, {at, size}, [at = at, size = size](V v, unsigned) {
                           return static_cast<uint64_t>(static_cast<int64_t>(v[0] << (64 - size - at)) >>
                                                        (64 - size));
                       }});
    }
    for (const int64_t at : {0, 3, 8, 31})
        all.push_back({"extract2", 2, {at}, [at](V v, unsigned w) {
                           return at == 0 ? v[0] : v[0] >> at | v[1] << (w - static_cast<unsigned>(at));
                       }});
    for (const int64_t condition : {2, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}) {
        all.push_back({"setcond", 2, {condition}, [condition](V v, unsigned w) {
                           return uint64_t{compares(condition, v[0], v[1], w)};
                       }});
        all.push_back({"negsetcond", 2, {condition}, [condition](V v, unsigned w) {
                           return 0 - uint64_t{compares(condition, v[0], v[1], w)};
                       }});
        all.push_back({"movcond", 4, {condition}, [condition](V v, unsigned w) {
                           return compares(condition, v[0], v[1], w) ? v[2] : v[3];
                       }});
    }
    return all;
}

constexpr std::array inputs = {"rax", "rbx", "rcx", "rdx"};
constexpr std::array outputs = {"rsi", "rdi"};

uint32_t scalar_block(TaintMachine& machine, const Scalar& operation, unsigned width) {
    TcgWriter writer(dialect());
    std::vector<TcgWriter::Arg> arguments;
    const uint8_t type = width == 64 ? 1 : 0;
    for (unsigned i = 0; i < operation.outputs; ++i)
        arguments.push_back(width == 64 ? TcgWriter::global(outputs[i])
                                        : TcgWriter::temp(outputs[i] + std::string("32"), type));
    for (unsigned i = 0; i < operation.inputs; ++i) {
        if (width == 64) {
            arguments.push_back(TcgWriter::global(inputs[i]));
            continue;
        }
        const auto narrow = TcgWriter::temp(inputs[i] + std::string("32"), type);
        writer.op("extrl_i64_i32", {narrow, TcgWriter::global(inputs[i])});
        arguments.push_back(narrow);
    }
    writer.op(operation.name + (width == 64 ? "_i64" : "_i32"), arguments, operation.constants);
    for (unsigned i = 0; width == 32 && i < operation.outputs; ++i)
        writer.op("extu_i32_i64", {TcgWriter::global(outputs[i]), arguments[i]});
    return machine.add(writer);
}

struct Precision {
    uint64_t tainted = 0, changed = 0;
};

// Values and masks that bring out carries, signs and zeros as well as those that are nothing special.
uint64_t number(std::mt19937_64& random) {
    switch (random() % 6) {
        case 0:
            return random() % 64;
        case 1:
            return 0 - random() % 256;
        case 2:
            return uint64_t{1} << random() % 64;
        case 3:
            return random() & random() & random();
        default:
            return random();
    }
}
uint64_t taint_mask(std::mt19937_64& random) {
    switch (random() % 5) {
        case 0:
            return 0;
        case 1:
            return uint64_t{0xff} << 8 * (random() % 8);
        case 2:
            return uint64_t{1} << random() % 64;
        case 3:
            return random();
        default:
            return random() & random() & random();
    }
}

TEST_CASE("no flip of a tainted bit changes a clean bit of a scalar operation's result") {
    std::mt19937_64 random(19);
    constexpr unsigned cases = 150;
    constexpr unsigned flips = 100;
    std::map<std::string, Precision> precision;
    for (const unsigned width : {32u, 64u}) {
        for (const Scalar& operation : scalars()) {
            TaintMachine machine(dialect());
            const std::string name = operation.name + (width == 64 ? "_i64" : "_i32");
            const uint32_t block = scalar_block(machine, operation, width);
            for (unsigned i = 0; i < cases; ++i) {
                Values values{};
                Values masks{};
                bool known = true;
                for (unsigned k = 0; k < operation.inputs; ++k) {
                    values[k] = cut(number(random), width);
                    masks[k] = cut(taint_mask(random), width);
                    const bool is_known = random() % 4 != 0;
                    known = known && is_known;
                    machine.set(inputs[k], values[k], masks[k], is_known, 100 * (k + 1));
                }
                machine.run(block);
                for (unsigned out = 0; out < operation.outputs; ++out) {
                    const auto& compute = out == 0 ? operation.compute : operation.second;
                    const uint64_t result = cut(compute(values, width), width);
                    const uint64_t tainted = machine.mask(outputs[out]);
                    uint64_t changed = 0;
                    std::array<uint64_t, 4> by_label{};
                    for (unsigned flip = 0; flip < flips; ++flip) {
                        Values other = values;
                        for (unsigned k = 0; k < operation.inputs; ++k)
                            other[k] ^=
                                masks[k] & (flip % 2 != 0 ? random() : random() & random() & random());
                        changed |= cut(compute(other, width), width) ^ result;
                    }
                    INFO(name << " " << std::hex << values[0] << "/" << masks[0] << " " << values[1] << "/"
                              << masks[1] << " result " << result << " tainted " << tainted << " changed "
                              << changed);
                    REQUIRE((changed & ~tainted) == 0);
                    if (known) {
                        precision[name].tainted += static_cast<uint64_t>(std::popcount(tainted));
                        precision[name].changed += static_cast<uint64_t>(std::popcount(changed & tainted));
                    }
                    static_cast<void>(by_label);
                }
            }
        }
    }
    for (const auto& [name, found] : precision)
        std::printf("%-16s %5.1f %% of the tainted bits change\n", name.c_str(),
                    found.tainted == 0
                        ? 100.0
                        : 100 * static_cast<double>(found.changed) / static_cast<double>(found.tainted));
    for (const char* exact : {"and", "or", "xor", "mov", "extract", "deposit", "bswap32"})
        CHECK(precision[exact + std::string("_i64")].changed * 100 >=
              precision[exact + std::string("_i64")].tainted * 98);
    for (const char* exact : {"add", "sub"})
        CHECK(precision[exact + std::string("_i64")].changed * 100 >=
              precision[exact + std::string("_i64")].tainted * 80);
}

TEST_CASE("each byte of a result has the labels of the bytes that can change it") {
    // Flips one byte's bits alone: where the result changes, it has that byte's label.
    std::mt19937_64 random(91);
    for (const unsigned width : {32u, 64u}) {
        for (const Scalar& operation : scalars()) {
            TaintMachine machine(dialect());
            const uint32_t block = scalar_block(machine, operation, width);
            for (unsigned i = 0; i < 40; ++i) {
                Values values{};
                Values masks{};
                for (unsigned k = 0; k < operation.inputs; ++k) {
                    values[k] = cut(number(random), width);
                    masks[k] = cut(taint_mask(random), width);
                    machine.set(inputs[k], values[k], masks[k], random() % 4 != 0, 100 * (k + 1));
                }
                machine.run(block);
                for (unsigned k = 0; k < operation.inputs; ++k) {
                    for (unsigned byte = 0; byte < width / 8; ++byte) {
                        const uint64_t mine = masks[k] & uint64_t{0xff} << 8 * byte;
                        uint64_t changed = 0;
                        for (unsigned flip = 0; mine != 0 && flip < 8; ++flip) {
                            Values other = values;
                            for (unsigned m = 0; m < operation.inputs; ++m)
                                other[m] ^= masks[m] & random();
                            Values flipped = other;
                            flipped[k] ^= mine & random();
                            changed |= operation.compute(other, width) ^ operation.compute(flipped, width);
                        }
                        changed = cut(changed, width);
                        for (unsigned to = 0; to < width / 8; ++to) {
                            if ((changed >> 8 * to & 0xff) == 0)
                                continue;
                            const auto labels = machine.labels("rsi", to);
                            INFO(operation.name << width << " input " << k << " byte " << byte << " to "
                                                << to);
                            REQUIRE(std::ranges::find(labels, 100 * (k + 1) + byte) != labels.end());
                        }
                    }
                }
            }
        }
    }
}

}  // namespace
