#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <random>

#include "kernelinfo/kallsyms.h"
#include "kernelinfo_builders.h"

using namespace panda;
using namespace panda::kernelinfo;
using test::KallsymsOrder;
using test::Symbol;

namespace {

constexpr uint64_t text_start = 0xffffffff81000000;

std::vector<Symbol> some_symbols(uint64_t base, bool percpu) {
    std::vector<Symbol> symbols;
    if (percpu) {
        symbols.push_back({"A__per_cpu_start", 0});
        symbols.push_back({"Acurrent_task", 0x1fb80});
    }
    symbols.push_back({"T_text", base});
    symbols.push_back({"t" + std::string(300, 'x'), base + 1});
    for (unsigned i = 0; i < 600; ++i)
        symbols.push_back({"tfunction_" + std::to_string(i), base + 16 + i * 32});
    symbols.push_back({"Dinit_task", base + 0x1a1aa40});
    return symbols;
}

}  // namespace

TEST_CASE("kallsyms are found in every order of the tables") {
    const auto order =
        GENERATE(KallsymsOrder::before_6_4, KallsymsOrder::since_6_4, KallsymsOrder::since_7_0);
    const bool percpu = order != KallsymsOrder::since_7_0 && GENERATE(false, true);
    const auto symbols = find_kallsyms(
        test::build_kallsyms(some_symbols(text_start, percpu), text_start, order, percpu), text_start, 8);
    CHECK(symbols.size() == (percpu ? 605 : 603));
    CHECK(symbols.find("_text") == text_start);
    CHECK(symbols.find(std::string(300, 'x')) == text_start + 1);
    CHECK(symbols.find("function_599") == text_start + 16 + 599 * 32);
    CHECK(symbols.find("init_task") == 0xffffffff82a1aa40);
    if (percpu)
        CHECK(symbols.find("current_task") == 0x1fb80);
    CHECK_FALSE(symbols.find("function_600"));
}

TEST_CASE("kallsyms of 32-bit kernels") {
    constexpr uint64_t base = 0xc1000000;
    const auto order =
        GENERATE(KallsymsOrder::before_6_4, KallsymsOrder::since_6_4, KallsymsOrder::since_7_0);
    const auto symbols =
        find_kallsyms(test::build_kallsyms(some_symbols(base, false), base, order, false, 4), base, 4);
    CHECK(symbols.size() == 603);
    CHECK(symbols.find("init_task") == 0xc2a1aa40);
}

TEST_CASE("damaged kallsyms are refused or harmless") {
    const auto order = GENERATE(KallsymsOrder::since_6_4, KallsymsOrder::since_7_0);
    const bool percpu = order != KallsymsOrder::since_7_0;
    const Bytes whole = test::build_kallsyms(some_symbols(text_start, percpu), text_start, order, percpu);
    CHECK_THROWS_AS(find_kallsyms({}, text_start, 8), Error);
    for (size_t size = 4000; size < whole.size() - 4000; size += 97)
        CHECK_THROWS_AS(find_kallsyms(std::span(whole).first(size), text_start, 8), Error);
    std::mt19937 random(1);
    unsigned refused = 0;
    unsigned right = 0;
    for (unsigned round = 0; round < 2000; ++round) {
        Bytes damaged = whole;
        for (unsigned flips = random() % 3 + 1; flips > 0; --flips)
            damaged[random() % damaged.size()] ^= std::byte(1u << random() % 8);
        try {
            right += find_kallsyms(damaged, text_start, 8).find("function_599") == text_start + 16 + 599 * 32;
        } catch (const Error&) {
            ++refused;
        }
    }
    CHECK(refused > 0);
    CHECK(right > 0);
}

TEST_CASE("System.map is read, and Debian's stand-in is recognised") {
    const auto symbols = parse_system_map("ffffffff81000000 T _text\nffffffff82a1aa40 D init_task\n");
    CHECK(symbols.find("init_task") == 0xffffffff82a1aa40);
    CHECK(symbols.size() == 2);
    CHECK_THROWS_AS(parse_system_map("ffffffffffffffff B The real System.map is in the -dbg package\n"),
                    Error);
    CHECK_THROWS_AS(parse_system_map("ffffffff81000000 T _text\nwhatever\n"), Error);
}

TEST_CASE("functions are found under the compiler's names") {
    SymbolTable symbols;
    symbols.add("finish_task_switch.isra.0", 7);
    CHECK(symbols.find_function("finish_task_switch") == 7);
    symbols.add("finish_task_switch", 8);
    CHECK(symbols.find_function("finish_task_switch") == 8);
    CHECK_FALSE(symbols.find_function("schedule"));
}
