// Json in full, for .cc files that make values or take them apart; instead of <nlohmann/json.hpp>, whose code each such
// file would compile for itself.
#pragma once

#include <nlohmann/json.hpp>

#include "common/json.h"

// These are compiled in json.cc.
extern template class nlohmann::basic_json<>;
extern template class nlohmann::basic_json<nlohmann::ordered_map>;
