// Which executions count for coverage.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "trace/coding/block_table.h"

namespace panda::coverage {

enum class Privilege : uint8_t { any, kernel, user };

// [from, to) of linear addresses.
struct PcRange {
    uint64_t from = 0;
    uint64_t to = 0;
};

// Reads START-END, as PANDA writes ranges; END is the first address behind the range. Throws a UsageError that names
// the option.
PcRange parse_pc_range(const std::string& option, const std::string& text);

struct Selection {
    std::vector<PcRange> include = {};  // a block must lie within one of these; none: everywhere
    std::vector<PcRange> exclude = {};  // and must not touch any of these
    Privilege privilege = Privilege::any;
    std::optional<uint64_t> asid = {};  // CR3; its flag and PCID bits do not count
    // Only while this process runs, which introspection tells.
    std::optional<int64_t> pid = {};
    std::string process_name = {};  // empty: any

    // Whether these say so of a block, wherever it runs.
    bool takes(const trace::BlockView& block) const;
    bool needs_processes() const { return pid || !process_name.empty(); }
};

// Whether a block's code runs as a program: at privilege level 3.
inline bool is_user(const trace::BlockView& block) {
    constexpr uint64_t privilege_mask = 3;  // HF_CPL_MASK in QEMU's target/i386/cpu.h
    return (block.flags & privilege_mask) == 3;
}

}  // namespace panda::coverage
