// Where bytes are in guest memory, at one moment or ever.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/bytes.h"
#include "trace/moment/moment.h"
#include "trace/pass/shard_runner.h"
#include "trace/reading/reader.h"

namespace panda::analyze_memory {

// How the text of a pattern is to be understood.
enum class PatternForm : uint8_t {
    guess,  // "de:ad" is bytes, 0x… a number, everything else text
    bytes,  // two hexadecimal digits each, with colons between them or without
    text,
    number,  // little endian: as many bytes as hexadecimal digits need (1, 2, 4 or 8), 8 for a decimal number
};

// The form with this name: "bytes", "text" or "value". Throws UsageError.
PatternForm parse_form(const std::string& name);
// The bytes that a pattern means. Throws UsageError for an empty or wrong one, and for more than 4096 bytes.
Bytes parse_pattern(const std::string& text, PatternForm form);

// An occurrence at a moment.
struct Occurrence {
    uint64_t physical = 0;
    std::vector<uint64_t> virtuals;  // where the address space has it, ascending; at most 16
};
// All occurrences in RAM and ROM, by physical address. One that goes on in another page counts if the pages are beside each
// other in physical memory. root: of the address space, for virtual addresses.
std::vector<Occurrence> find_now(const trace::Moment& moment, uint64_t root,
                                 std::span<const std::byte> pattern);

// From when to when bytes stood somewhere.
struct Lifetime {
    uint32_t block = 0;                // place in guest memory: index into TraceHeader::memory_blocks
    uint64_t offset = 0;               // in the block
    std::optional<uint64_t> physical;  // by the last memory map
    // The write that completed them, and the one that destroyed them.
    struct Cause {
        uint64_t instr = 0;
        uint64_t pc = 0;       // 0: a device, or the page walker
        uint64_t address = 0;  // of the write; virtual if pc is not 0
        uint64_t asid = 0;
        bool device = false;  // it wrote before this instruction
    };
    std::optional<Cause> begin;  // nothing: they were there when the trace began
    std::optional<Cause> end;    // nothing: they are there at the end
};
// Goes through the trace from its first snapshot on, with memory kept current, and tells of each lifetime when it is over.
// Those that begin or end in the range are told. Files only. Returns false when instructions were left out, so that some
// may be missing. Throws FileError for a damaged trace and for one without a snapshot or the values of stores.
bool find_ever(trace::TraceReader& reader, const trace::InstrRange& range, std::span<const std::byte> pattern,
               const std::function<void(uint64_t)>& progress,
               const std::function<void(const Lifetime&)>& visit);

}  // namespace panda::analyze_memory
