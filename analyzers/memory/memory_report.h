// What panda-analyze memory says.
#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <span>
#include <string>

#include "common/bytes.h"
#include "trace/memory/mapped_memory.h"
#include "trace/moment/last_write.h"
#include "trace/moment/moment.h"

namespace panda::analyze_memory {

// Which addresses are meant.
struct Addressing {
    bool physical = false;
    std::optional<uint64_t> asid = {};  // page tables to take; nothing: those in force
};

// Reads `size` bytes at `address` of the moment. Throws Error that names the first address that cannot be
// read.
Bytes read_memory(const trace::Moment& moment, const Addressing& addressing, uint64_t address, uint64_t size);

// As hexdump -C does: 16 bytes a line, with their addresses.
void write_hex_dump(std::ostream& out, uint64_t address, std::span<const std::byte> bytes);
// A JSON object with kind "memory", instr, address and data (hexadecimal).
void write_json(std::ostream& out, uint64_t instr, uint64_t address, std::span<const std::byte> bytes);

// The last write to `size` bytes at `address`, as they are translated right before instr `before`. Throws
// Error when they are no RAM then. Files only.
trace::LastWrite find_last_write(trace::TraceReader& reader, const Addressing& addressing, uint64_t address,
                                 uint64_t size, uint64_t before);

void write_text(std::ostream& out, const trace::LastWrite& last, const trace::TraceHeader& header);
// A JSON object with kind "last_write".
void write_json(std::ostream& out, const trace::LastWrite& last, const trace::TraceHeader& header);

}  // namespace panda::analyze_memory
