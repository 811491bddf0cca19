#include "common/json.h"

#include <ostream>

#include "common/json_value.h"

template class nlohmann::basic_json<>;
template class nlohmann::basic_json<nlohmann::ordered_map>;

namespace panda {

std::string json_text(const Json& value, int indent) {
    return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

void write_json_line(std::ostream& out, const Json& value) {
    out << json_text(value) << '\n';
}

}  // namespace panda
