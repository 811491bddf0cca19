// Sets of labels, and the shadow of memory.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <random>
#include <set>

#include "analyzers/taint/label_sets.h"
#include "analyzers/taint/shadow_memory.h"

namespace {

using namespace panda;
using namespace panda::taint;

std::vector<Label> sorted(const std::set<Label>& set) {
    return {set.begin(), set.end()};
}

TEST_CASE("sets of labels are what std::set makes of them, and equal ones have one number") {
    std::mt19937 random(1);
    Tags tags;
    std::vector<std::pair<Tag, std::set<Label>>> known = {{clean, {}}};
    std::map<std::vector<Label>, Tag> numbers;
    for (unsigned i = 0; i < 20000; ++i) {
        Tag tag = clean;
        std::set<Label> set;
        if (random() % 4 == 0) {
            const Label label = random() % 3 == 0 ? random() : random() % 300;
            tag = tags.of_label(label);
            set = {label};
        } else {
            const auto& a = known[random() % known.size()];
            const auto& b = known[random() % known.size()];
            tag = tags.unite(a.first, b.first);
            set = a.second;
            set.insert(b.second.begin(), b.second.end());
        }
        REQUIRE(tags.labels(tag) == sorted(set));
        REQUIRE(tags.count(tag) == set.size());
        const auto [found, added] = numbers.try_emplace(sorted(set), tag);
        REQUIRE(found->second == tag);
        if (set.size() > 200)
            continue;
        if (known.size() < 300)
            known.emplace_back(tag, set);
        else
            known[random() % known.size()] = {tag, set};
    }
}

TEST_CASE("a running sum's sets share what they have in common") {
    Tags tags;
    Tag sum = clean;
    constexpr Label labels = 100'000;
    for (Label label = 0; label < labels; ++label)
        sum = tags.unite(sum, tags.of_label(label));
    CHECK(tags.count(sum) == labels);
    CHECK(tags.used() < labels * 20);
}

TEST_CASE("sets that nothing marks are freed, and the others stay") {
    Tags tags;
    const Tag kept = tags.unite(tags.of_label(1), tags.of_label(1000));
    for (Label label = 0; label < 5000; ++label)
        tags.unite(tags.of_label(label), tags.of_label(label + 70'000));
    const size_t before = tags.used();
    tags.mark(kept);
    tags.sweep();
    CHECK(tags.used() == 3);
    CHECK(before > 5000);
    CHECK(tags.labels(kept) == std::vector<Label>{1, 1000});
    CHECK(tags.unite(tags.of_label(1), tags.of_label(1000)) == kept);
}

TEST_CASE("a set that is too large becomes one that says so") {
    Tags tags({.max_labels = 3});
    Tag tag = clean;
    for (Label label = 0; label < 3; ++label)
        tag = tags.unite(tag, tags.of_label(label));
    CHECK(tags.overflows() == 0);
    CHECK(tags.labels(tag) == std::vector<Label>{0, 1, 2});
    const Tag many = tags.unite(tag, tags.of_label(3));
    CHECK(tags.overflows() == 1);
    CHECK(tags.labels(many) == std::vector<Label>{overflow_label});
    CHECK(tags.unite(many, tags.of_label(4)) == many);
}

TEST_CASE("depths count computations, and unions take the larger one") {
    Tags tags({.depths = true});
    const Tag a = tags.of_label(1);
    const Tag b = tags.computed(tags.computed(tags.of_label(2)));
    CHECK(tags.depth(a) == 0);
    CHECK(tags.depth(b) == 2);
    const Tag both = tags.unite(a, b);
    CHECK(tags.depth(both) == 2);
    CHECK(tags.labels(both) == std::vector<Label>{1, 2});
    CHECK(tags.computed(clean) == clean);
    tags.mark(both);
    tags.sweep();
    CHECK(tags.depth(both) == 2);
    CHECK(tags.labels(both) == std::vector<Label>{1, 2});
}

TEST_CASE("shadow pages exist only while something in them is tainted") {
    ShadowMemory memory(3 * 4096);
    CHECK(!memory.any());
    memory.set(4095, 0);
    CHECK(!memory.any());
    memory.set(4095, 0x1ff);
    memory.set(4096, 0x2ff);
    memory.set(4097, 0x2ff);
    CHECK(memory.page_count() == 2);
    CHECK(memory.byte_count() == 3);
    CHECK(memory.get(4096) == 0x2ff);
    memory.set(4096, 0x3ff);
    CHECK(memory.byte_count() == 3);
    memory.set(4096, 0);
    memory.set(4097, 0);
    CHECK(memory.page_count() == 1);
    CHECK(!memory.page_any(5000));
    memory.set(4095, 0);
    CHECK(!memory.any());
    CHECK(memory.most_pages() == 2);
}

}  // namespace
