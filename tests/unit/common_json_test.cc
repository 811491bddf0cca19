// JSON lines, with a guest's texts in them.
#include <catch2/catch_test_macros.hpp>
#include <sstream>

#include "common/json_value.h"

namespace {

using namespace panda;

std::string line_of(const Json& value) {
    std::ostringstream out;
    write_json_line(out, value);
    return out.str();
}

TEST_CASE("valid text is written as it is, members in order") {
    CHECK(line_of({{"z", 1}, {"a", "\xc3\xbc \xf0\x9f\x90\xbc"}, {"m", nullptr}}) ==
          "{\"z\":1,\"a\":\"\xc3\xbc \xf0\x9f\x90\xbc\",\"m\":null}\n");
    CHECK(line_of({{"text", "a\nb\"\\\x01\x7f"}}) == "{\"text\":\"a\\nb\\\"\\\\\\u0001\x7f\"}\n");
    CHECK(json_text({{"a", {1, 2}}}, 2) == "{\n  \"a\": [\n    1,\n    2\n  ]\n}");
}

TEST_CASE("what is not UTF-8 becomes U+FFFD, in values and in names") {
    const std::string replacement = "\xef\xbf\xbd";
    for (const std::string bad : {"\xff", "\x80", "\xc3", "\xed\xa0\x80", "\xf8\x88\x80\x80\x80"}) {
        CAPTURE(bad);
        const std::string line = line_of({{"name", "a" + bad + "b"}});
        const auto parsed = nlohmann::json::parse(line);
        const auto name = parsed["name"].get<std::string>();
        CHECK(name.starts_with("a" + replacement));
        CHECK(name.ends_with("b"));
        CHECK(nlohmann::json::parse(line_of({{bad, 1}})).begin().key().starts_with(replacement));
    }
    CHECK(line_of({{"name", "\xe2\x82"}}) == "{\"name\":\"" + replacement + "\"}\n");
}

}  // namespace
