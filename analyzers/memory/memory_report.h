// What panda-analyze memory reads and writes.
#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "common/bytes.h"
#include "osi/symbols/place.h"
#include "trace/memory/mapped_memory.h"
#include "trace/moment/last_write.h"
#include "trace/moment/moment.h"

namespace panda::analyze_memory {

// What kind of addresses are meant.
struct Addressing {
    bool physical = false;
    std::optional<uint64_t> asid = {};  // which page tables to use; nothing: those in force
};

// Reads `size` bytes at `address` at the moment. Throws an Error that names the first address that cannot be
// read.
Bytes read_memory(const trace::Moment& moment, const Addressing& addressing, uint64_t address, uint64_t size);

// Writes what hexdump -C does: 16 bytes per line, with their addresses.
void write_hex_dump(std::ostream& out, uint64_t address, std::span<const std::byte> bytes);
// Writes a JSON object with kind "memory", instr, address and data (hexadecimal).
void write_json(std::ostream& out, uint64_t instr, uint64_t address, std::span<const std::byte> bytes);

// What a kind of write is called.
const char* kind_name(trace::WriteKind kind);
// The device of a transfer; null: not known.
const trace::Device* device_of(const trace::Write& write, const trace::TraceHeader& header);

// The pieces of memory behind `size` bytes at `address`, one for each page. Throws Error when no memory is there, and
// UsageError for size 0.
std::vector<trace::MemoryPiece> pieces_at(const trace::Moment& moment, const Addressing& addressing,
                                          uint64_t address, uint64_t size);

// The last write to `size` bytes at `address`, which is translated right before instr `before`. The trace
// must be a file. Throws Error when the address does not lead to RAM then.
trace::LastWrite find_last_write(trace::TraceReader& reader, const Addressing& addressing, uint64_t address,
                                 uint64_t size, uint64_t before);

// name: of the instruction that wrote; may be nothing.
void write_text(std::ostream& out, const trace::LastWrite& last, const trace::TraceHeader& header,
                const std::optional<osi::Place>& name);
// Writes a JSON object with kind "last_write".
void write_json(std::ostream& out, const trace::LastWrite& last, const trace::TraceHeader& header,
                const std::optional<osi::Place>& name);

}  // namespace panda::analyze_memory
