// Pairs of page tables under page table isolation.
#include "replayer/engine/table_pair.h"

#include <array>
#include <catch2/catch_test_macros.hpp>

using panda::engine::is_table_pair;

namespace {

using Table = std::array<uint64_t, 512>;

bool pair(const Table& even, const Table& odd, bool long_mode = true) {
    return is_table_pair(std::as_bytes(std::span(even)), std::as_bytes(std::span(odd)), long_mode);
}

}  // namespace

TEST_CASE("two tables with the same lower half are a pair") {
    constexpr uint64_t no_execute = uint64_t{1} << 63;
    Table kernel{}, user{};
    kernel[0] = 0x1234'5067 | no_execute;
    kernel[255] = 0x2345'6067 | no_execute;
    kernel[300] = 0x3456'7067;  // the kernel's own memory
    user[0] = 0x1234'5007;      // whose accessed and dirty bits may differ
    user[255] = 0x2345'6067;
    CHECK(pair(kernel, user));
    SECTION("another program's memory") {
        user[255] = 0x2345'7067;
        CHECK_FALSE(pair(kernel, user));
    }
    SECTION("more than the other has") {
        user[7] = 0x2345'7067;
        CHECK_FALSE(pair(kernel, user));
    }
    SECTION("empty tables say nothing") {
        CHECK_FALSE(pair(Table{}, Table{}));
    }
    SECTION("PAE has four entries, the last one is the kernel's") {
        kernel[3] = 0x4567'8001;
        CHECK(pair(kernel, user, false));
        user[2] = 0x4567'9001;
        CHECK_FALSE(pair(kernel, user, false));
    }
}
