// Who wrote a byte of memory last?
#pragma once

#include <cstdint>
#include <optional>

#include "trace/access.h"
#include "trace/event.h"
#include "trace/reading/reader.h"

namespace panda::trace {

enum class WriteKind : uint8_t {
    store = 0,        // by the guest's code
    helper = 1,       // by the processor beside its code: interrupt frames, fxsave …
    table_write = 2,  // by the page walker
    transfer = 3,     // by a device
};

struct Write {
    uint64_t instr = 0;  // the instruction that wrote; of a transfer, instructions executed before it
    uint64_t pc = 0;     // linear address of that instruction; of a transfer 0
    WriteKind kind = WriteKind::store;
    TransferSource source = TransferSource::device;  // of a transfer
    // As it was written to: virtual; of a table write physical; of a transfer the offset in its memory block.
    uint64_t address = 0;
    uint64_t size = 0;        // bytes
    uint64_t value = 0;       // of a transfer its first 8 bytes
    uint64_t value_high = 0;  // of 16 bytes
    uint32_t device = 0;      // of a transfer, as Transfer::device
};

// A stretch of memory: `size` bytes of a memory block.
struct MemoryPiece {
    uint32_t block = 0;
    uint64_t offset = 0;
    uint64_t size = 1;
};

struct LastWrite {
    std::optional<Write> write;  // nothing: not since `searched_from`
    uint64_t searched_from = 0;  // instr
    uint64_t chunks_passed = 0;  // whose summaries were looked at
    uint64_t chunks_decoded = 0;
};

// The last write to any byte of the piece before instruction `before`: what made the memory that MemoryAt
// shows there. Goes back through the chunks' lists of pages and decodes only those that list one of the
// piece's: about 2 µs a chunk that does not, and the time of one chunk's pass for each that does. Stops at a
// gap of the trace. Files only. Throws FileError for a damaged trace and for one without memory columns.
LastWrite find_last_write(TraceReader& reader, const MemoryPiece& piece, uint64_t before);

}  // namespace panda::trace
