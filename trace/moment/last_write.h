// Finds what wrote a piece of memory last.
#pragma once

#include <cstdint>
#include <optional>

#include "trace/access.h"
#include "trace/event.h"
#include "trace/reading/reader.h"

namespace panda::trace {

enum class WriteKind : uint8_t {
    store = 0,        // by the guest's code
    helper = 1,       // by a helper of the emulator: interrupt frames, fxsave …
    table_write = 2,  // by the page walker
    transfer = 3,     // by a device
};

struct Write {
    uint64_t instr = 0;  // the instruction that wrote; for a transfer, instructions executed before it
    uint64_t pc = 0;     // linear address of that instruction; for a transfer 0
    WriteKind kind = WriteKind::store;
    TransferSource source = TransferSource::device;  // only for a transfer
    // The address that the write used: a virtual one; for a table write a physical one; for a transfer the
    // offset in its memory block.
    uint64_t address = 0;
    uint64_t size = 0;        // bytes
    uint64_t value = 0;       // for a transfer, its first 8 bytes
    uint64_t value_high = 0;  // the upper half of 16 bytes
    uint32_t device = 0;      // only for a transfer: Transfer::device
};

// A piece of guest memory: `size` bytes of a memory block.
struct MemoryPiece {
    uint32_t block = 0;   // index into TraceHeader::memory_blocks
    uint64_t offset = 0;  // in the block
    uint64_t size = 1;    // bytes, at least 1
};

struct LastWrite {
    std::optional<Write> write;   // nothing: there was none since `searched_from`
    uint64_t searched_from = 0;   // instr
    uint64_t chunks_passed = 0;   // chunks whose lists of pages were looked at
    uint64_t chunks_decoded = 0;  // those of them that were decoded
};

// Finds the last write to any byte of the piece before instruction `before`, which made the memory what
// MemoryAt shows at `before`. The search goes back through the chunks' lists of pages and decodes only chunks
// that list one of the piece's pages. This takes about 2 µs for each chunk that does not, and a pass over the
// chunk for each one that does. It stops at a gap in the trace. Files only. Throws Error when the piece is
// not inside guest memory, FileError for a damaged trace and for one without memory columns.
LastWrite find_last_write(TraceReader& reader, const MemoryPiece& piece, uint64_t before);

}  // namespace panda::trace
