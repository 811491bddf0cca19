// Numbers and ranges as people write them, and options that take them.
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cstdint>
#include <optional>

#include "common/command_line.h"
#include "common/error.h"
#include "common/hex.h"
#include "common/numbers.h"
#include "common/options.h"

namespace {

using namespace panda;
namespace po = boost::program_options;

struct Case {
    const char* text;
    std::optional<uint64_t> value;
};

constexpr std::array cases = {
    Case{"0", 0},
    Case{"7", 7},
    Case{"010", 10},
    Case{"0000000000000000000000000000012", 12},
    Case{"09", 9},
    Case{"0x10", 16},
    Case{"0X1f", 31},
    Case{"0xDeadBeef", 0xdeadbeef},
    Case{"0x010", 16},
    Case{"18446744073709551615", UINT64_MAX},
    Case{"0xffffffffffffffff", UINT64_MAX},
    Case{"18446744073709551616", {}},
    Case{"0x10000000000000000", {}},
    Case{"99999999999999999999999", {}},
    Case{"", {}},
    Case{" ", {}},
    Case{" 7", {}},
    Case{"7 ", {}},
    Case{"7\n", {}},
    Case{"-1", {}},
    Case{"-0", {}},
    Case{"+1", {}},
    Case{"--1", {}},
    Case{"7x", {}},
    Case{"1e3", {}},
    Case{"1.5", {}},
    Case{"ff", {}},
    Case{"x10", {}},
    Case{"0x", {}},
    Case{"0x-1", {}},
    Case{"-0x1", {}},
    Case{"0x 1", {}},
    Case{"0x0x1", {}},
    Case{"0xg", {}},
    Case{"0b11", {}},
    Case{"1,000", {}},
    Case{"1'000", {}},
    Case{"end", {}},
};

std::string complaint_of(const std::string& option, const std::string& text) {
    try {
        parse_number(option, text);
    } catch (const UsageError& error) {
        return error.what();
    }
    return "";
}

TEST_CASE("numbers are decimal, or hexadecimal after 0x, and nothing else") {
    for (const Case& each : cases) {
        CAPTURE(each.text);
        CHECK(read_number(each.text) == each.value);
        if (each.value)
            CHECK(parse_number("--from", each.text) == *each.value);
        else
            CHECK_THROWS_AS(parse_number("--from", each.text), UsageError);
    }
    CHECK_FALSE(read_number(std::string_view("7\0", 2)));
}

TEST_CASE("narrower and signed numbers have their own limits") {
    CHECK(read_number<uint32_t>("4294967295") == UINT32_MAX);
    CHECK_FALSE(read_number<uint32_t>("4294967296"));
    CHECK(read_number<uint8_t>("0xff") == 255);
    CHECK_FALSE(read_number<uint8_t>("256"));
    CHECK(read_number<int>("-5") == -5);
    CHECK(read_number<int>("-0x10") == -16);
    CHECK(read_number<int>("2147483647") == INT32_MAX);
    CHECK_FALSE(read_number<int>("2147483648"));
    CHECK(read_number<int>("-2147483648") == INT32_MIN);
    CHECK_FALSE(read_number<int>("-2147483649"));
    CHECK(read_number<int64_t>("-9223372036854775808") == INT64_MIN);
    CHECK_FALSE(read_number<int64_t>("9223372036854775808"));
    CHECK_FALSE(read_number<int64_t>("--5"));
    CHECK_FALSE(read_number<int64_t>("-"));
    CHECK_FALSE(read_number<int64_t>("+5"));
}

TEST_CASE("what is not a number is named with its option") {
    CHECK(complaint_of("--from", "12x") == "--from takes a number, not \"12x\"");
    CHECK(complaint_of("--at", "") == "--at takes a number, not \"\"");
    CHECK(complaint_of("--at", "-1") == "--at takes a number, not \"-1\"");
    CHECK(complaint_of("--to", "18446744073709551616") ==
          "--to takes a number up to 18446744073709551615, not \"18446744073709551616\"");
}

TEST_CASE("a range is FROM:TO, and either may be missing") {
    const auto check = [](const char* text, uint64_t from, uint64_t to) {
        CAPTURE(text);
        const NumberRange range = parse_range("--window", text);
        CHECK(range.from == from);
        CHECK(range.to == to);
    };
    check("5:7", 5, 7);
    check("010:0x10", 10, 16);
    check("0x100:", 256, UINT64_MAX);
    check(":12", 0, 12);
    check(":", 0, UINT64_MAX);
    for (const char* text : {"", "5", "5-7", "5:5", "7:5", "0x10:010", "a:7", "5:b", "5:7:9", "-1:7", "5:-1",
                             " 5:7", "5: 7", ":0"}) {
        CAPTURE(text);
        CHECK_THROWS_AS(parse_range("--window", text), UsageError);
    }
}

po::variables_map parse(const std::vector<std::string>& arguments) {
    po::options_description options;
    options.add_options()("count,c", number_value<uint32_t>()->default_value(3), "")("level",
                                                                                     number_value<int>(), "");
    add_range_options(options);
    po::variables_map given;
    po::store(po::command_line_parser(arguments).options(options).run(), given);
    po::notify(given);
    return given;
}

std::string complaint_of(const std::vector<std::string>& arguments) {
    try {
        parse(arguments);
    } catch (const po::error& error) {
        return error.what();
    }
    return "";
}

TEST_CASE("options read numbers in the same way") {
    CHECK(parse({"--from", "010"})["from"].as<uint64_t>() == 10);
    CHECK(parse({"--from=0x100"})["from"].as<uint64_t>() == 256);
    CHECK(parse({"-c", "0x7"})["count"].as<uint32_t>() == 7);
    CHECK(parse({})["count"].as<uint32_t>() == 3);
    CHECK(parse({"--level=-5"})["level"].as<int>() == -5);
    CHECK(complaint_of({"--from", "-1"}) == "--from takes a number, not \"-1\"");
    CHECK(complaint_of({"--from=12x"}) == "--from takes a number, not \"12x\"");
    CHECK(complaint_of({"--from="}).find("--from") != std::string::npos);
    CHECK(complaint_of({"-c", "4294967296"}) ==
          "--count takes a number up to 4294967295, not \"4294967296\"");
    CHECK(complaint_of({"--from", "1", "--from", "2"}).find("more than once") != std::string::npos);
}

TEST_CASE("a number is bound to a variable, too") {
    uint64_t bound = 5;
    po::options_description options;
    options.add_options()("at", number_value(&bound), "");
    po::variables_map given;
    po::store(po::command_line_parser(std::vector<std::string>{"--at", "0x20"}).options(options).run(),
              given);
    po::notify(given);
    CHECK(bound == 32);
}

TEST_CASE("the value of --from may be that of --to, and not after it") {
    const NumberRange range = range_option(parse({"--from", "8", "--to", "0x8"}));
    CHECK(range.from == 8);
    CHECK(range.to == 8);
    CHECK(range_option(parse({})).to == UINT64_MAX);
    CHECK_THROWS_AS(range_option(parse({"--from", "9", "--to", "8"})), UsageError);
}

TEST_CASE("hexadecimal has as many digits as asked for, or more") {
    CHECK(hex(0) == "0x0");
    CHECK(hex(0x1f) == "0x1f");
    CHECK(hex(0x1f, 8) == "0x0000001f");
    CHECK(hex(UINT64_MAX) == "0xffffffffffffffff");
    CHECK(hex(0x12345, 2) == "0x12345");
    CHECK(hex(0, 0) == "0x0");
    CHECK(hex_digits(0xa0, 16) == "00000000000000a0");
    CHECK(hex_digits(10) == "a");
    const std::array bytes{std::byte{0}, std::byte{0x0a}, std::byte{0xff}};
    CHECK(hex_bytes(bytes) == "000aff");
    CHECK(hex_bytes({}).empty());
}

}  // namespace
