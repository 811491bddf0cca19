// Profiles as other programs read them.
#pragma once

#include <ostream>
#include <span>
#include <string>

#include "analyzers/profile/profile.h"
#include "common/bytes.h"

namespace panda::profile {

// Folded stacks, as flamegraph.pl and others read them: "group;outermost;...;innermost instructions", a line a path.
// Semicolons in names become colons.
void write_folded(std::ostream& out, std::span<const PathCount> paths);

// A flame graph that a browser shows: 1600 pixels wide, a row a level, the width of a function its instructions. Names
// that do not fit are cut; each rectangle has the whole name and its share as its title. Rectangles of less than a
// fifth of a pixel are left out.
void write_flame_graph(std::ostream& out, std::span<const PathCount> paths, const std::string& title);

// The JSON of speedscope.app: a profile for each group.
void write_speedscope(std::ostream& out, std::span<const PathCount> paths, const std::string& title);

// The protocol buffer of pprof (github.com/google/pprof, proto/profile.proto), not compressed. Its readers take it so.
// A sample's label "group" is its group.
Bytes pprof_of(std::span<const PathCount> paths);

}  // namespace panda::profile
