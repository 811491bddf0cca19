// Tap points: where memory is accessed, told apart by who called.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "analyzers/callstack/shadow_stacks.h"

namespace panda::callstack {

// Brendan Dolan-Gavitt's Tappan Zee (North) Bridge (CCS 2013) calls it so. A tap sees one stream of data, where an
// instruction alone (memcpy's) sees them all.
struct Tap {
    uint64_t caller = 0;  // return address of the innermost call; 0: none is known
    uint64_t pc = 0;      // of the instruction that accesses memory
    uint64_t asid = 0;    // of the program; the kernel, which is the same everywhere, has 0

    auto operator<=>(const Tap&) const = default;
};

// The tap of an access by the instruction at `pc`. asid: the address space in force.
Tap tap_of(const ShadowStacks& stacks, uint64_t pc, uint64_t asid);

// Reads a list of taps: "caller pc asid" in each line, in hexadecimal, without or with 0x, as PANDA's tap_points.txt.
// Empty lines do not count. name: of the file, for errors. Throws FileError that names the line. At most 2^20 taps.
std::vector<Tap> parse_taps(std::string_view text, const std::string& name);

}  // namespace panda::callstack
