// JSON lines.
#pragma once

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

namespace panda::trace_tool {

using Json = nlohmann::ordered_json;

// The value on one line. Bytes that are not UTF-8, which a guest's command line may hold, are replaced.
inline std::string json_line(const Json& value) {
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// An address as a string in hexadecimal, because not every JSON reader has numbers of 64 bits.
inline std::string json_address(uint64_t address) {
    char text[24];
    std::snprintf(text, sizeof(text), "0x%" PRIx64, address);
    return text;
}

}  // namespace panda::trace_tool
