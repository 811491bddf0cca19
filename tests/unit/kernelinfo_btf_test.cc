#include <catch2/catch_test_macros.hpp>
#include <random>

#include "kernelinfo/btf.h"
#include "kernelinfo_builders.h"

using namespace panda;
using namespace panda::kernelinfo;
using test::BtfBuilder;

namespace {

// struct outer {
//     int a;
//     struct inner { char text[16]; int low : 3, high : 5; } in;
//     union { const number alias; struct { int deep; }; };
//     struct inner list[4];
// };
Bytes sample() {
    BtfBuilder btf;
    const uint32_t integer = btf.add_int("int", 4);
    const uint32_t character = btf.add_int("char", 1);
    const uint32_t text = btf.add_array(character, 16);
    const uint32_t inner =
        btf.add_struct("inner", 20, {{"text", text, 0}, {"low", integer, 128}, {"high", integer, 136}});
    const uint32_t number = btf.add_const(btf.add_typedef("number", integer));
    const uint32_t anonymous = btf.add_struct("", 4, {{"deep", integer, 0}});
    const uint32_t either = btf.add_struct("", 4, {{"alias", number, 0}, {"", anonymous, 0}}, true);
    const uint32_t list = btf.add_array(inner, 4);
    btf.add_struct("outer", 108,
                   {{"a", integer, 0}, {"in", inner, 32}, {"", either, 192}, {"list", list, 224}});
    return btf.build();
}

}  // namespace

TEST_CASE("BTF gives sizes and places of members") {
    const BtfTypes types(sample());
    CHECK(types.struct_size("outer") == 108);
    CHECK(types.struct_size("inner") == 20);
    CHECK_FALSE(types.struct_size("nothing"));
    CHECK(types.member("outer", "a")->offset == 0);
    CHECK(types.member("outer", "a")->size == 4);
    CHECK(types.member("outer", "in.text")->offset == 4);
    CHECK(types.member("outer", "in.text")->size == 16);
    CHECK(types.member("outer", "in.high")->offset == 4 + 17);
    CHECK(types.member("outer", "alias")->offset == 24);
    CHECK(types.member("outer", "alias")->size == 4);
    CHECK(types.member("outer", "deep")->offset == 24);
    CHECK(types.member("outer", "list.text")->offset == 28);
    CHECK(types.member("outer", "list")->size == 80);
    CHECK_FALSE(types.member("outer", "in.nothing"));
    CHECK_FALSE(types.member("outer", "a.b"));
    CHECK_FALSE(types.member("nothing", "a"));
}

TEST_CASE("BTF whose types go in circles ends") {
    BtfBuilder btf;
    btf.add_typedef("self", 1);                                         // typedef of itself
    btf.add_struct("ring", 8, {{"me", 2, 0}, {"", 2, 0}, {"", 2, 0}});  // contains itself, thrice
    btf.add_array(3, 1000);                                             // array of itself
    btf.add_struct("user", 8, {{"a", 1, 0}, {"b", 3, 0}});
    const BtfTypes types(btf.build());
    CHECK_FALSE(types.member("ring", "missing"));
    CHECK(types.member("user", "a")->size == 0);
    CHECK(types.member("user", "b")->size == 0);
}

TEST_CASE("damaged BTF is refused or harmless") {
    const Bytes whole = sample();
    for (size_t size = 0; size < whole.size(); ++size)
        CHECK_THROWS_AS(BtfTypes(std::span(whole).first(size)), Error);
    std::mt19937 random(1);
    unsigned refused = 0;
    unsigned right = 0;
    for (unsigned round = 0; round < 20000; ++round) {
        Bytes damaged = whole;
        for (unsigned flips = random() % 3 + 1; flips > 0; --flips)
            damaged[random() % damaged.size()] ^= std::byte(1u << random() % 8);
        try {
            const BtfTypes types(damaged);
            const auto member = types.member("outer", "list.high");
            const auto size = types.struct_size("inner");
            right += member && member->offset == 28 + 17 && size == 20;
        } catch (const Error&) {
            ++refused;
        }
    }
    CHECK(refused > 0);
    CHECK(right > 0);
}
