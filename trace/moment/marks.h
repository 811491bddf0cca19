// Moments that a guest's program has named.
//
// A mark is a CPUID, which every program may execute and which traces have with its registers. Nothing in the emulator knows
// of it, and without anybody who looks for it, it does nothing:
//
//     eax               0x6b72616d, "mark" in memory
//     ebx               bytes of each of the words that follow: 8, or 4 from 32-bit code
//     rcx rdx rdi rsi   the name, its first byte lowest in rcx, zeros behind it: up to 32 bytes, or 16
//
// The guest of panda-record has /bin/panda-mark NAME (tools/guest/panda_mark.c). A mark's moment is right behind its CPUID.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "trace/event.h"
#include "trace/reading/reader.h"

namespace panda::trace {

constexpr uint32_t mark_leaf = 0x6b72616d;

struct Mark {
    std::string name;
    uint64_t instr = 0;
    bool operator==(const Mark&) const = default;
};

// The name that a CPUID gives; nothing if it is not a mark: another leaf, a wrong size, an empty name, or one with bytes that
// are not printable ASCII, with a space, a colon or a hash, or what would be taken for a number or for "end".
std::optional<std::string> mark_name(const Cpuid& cpuid);

// All marks of a file, in order. Decodes the events of all chunks, 4 ms for each hundred, and the blocks of chunks with marks.
// reader: of a file. Throws FileError when the trace is damaged.
std::vector<Mark> find_marks(TraceReader& reader);

// The instr of the mark that `text` names: NAME, or NAME#2 for the second of that name, and so on; nothing if there is no such
// mark. Throws as find_marks() does.
std::optional<uint64_t> find_mark(TraceReader& reader, const std::string& text);

}  // namespace panda::trace
