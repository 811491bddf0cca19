// ELF files as a guest has them mapped: what can be read of them without the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "osi/symbols/symbol_index.h"

namespace panda::osi {

// A part of an ELF file that is loaded (PT_LOAD).
struct LoadSegment {
    uint64_t offset = 0;   // in the file
    uint64_t address = 0;  // virtual, at link time
    uint64_t size = 0;     // bytes in the file

    bool operator==(const LoadSegment&) const = default;
};

// The link-time address of a byte of the file; nothing if no segment has it.
std::optional<uint64_t> address_of_offset(std::span<const LoadSegment> segments, uint64_t offset);

// Fills `out` from a virtual address of the guest's process. Returns false when any byte is not there.
using ReadGuest = std::function<bool(uint64_t address, std::span<std::byte> out)>;

struct GuestElf {
    std::string build_id;  // hexadecimal; empty if the file has none, or it cannot be read
    std::vector<LoadSegment> segments;
    SymbolIndex symbols;   // of .dynsym, by link-time address
    bool complete = true;  // false: some of it is not in memory at this moment
};

// Reads the ELF file whose first byte is mapped at `base`. Returns nothing if there is no ELF header. Every number is
// bounded and every address checked, because programs can write what they like there: a damaged file gives fewer names.
// Takes time and memory in proportion to the symbols, of which at most 2^18 are read.
std::optional<GuestElf> read_guest_elf(const ReadGuest& read, uint64_t base);

}  // namespace panda::osi
