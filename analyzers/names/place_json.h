// A named address in JSON.
#pragma once

#include "common/json_value.h"
#include "osi/symbols/place.h"

namespace panda::analyzers {

// Adds what is known of "module", "function", "offset", "file" and "line".
inline void add_place(Json& object, const osi::Place& place) {
    if (!place.module.empty())
        object["module"] = place.module;
    if (!place.function.empty())
        object["function"] = place.function;
    object["offset"] = place.offset;
    if (place.source.line != 0) {
        object["file"] = place.source.file;
        object["line"] = place.source.line;
    }
}

}  // namespace panda::analyzers
