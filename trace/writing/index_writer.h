// Ends a trace with its index and its end message. Internal.
#pragma once

#include <cstdint>

#include "common/file.h"
#include "trace/contents.h"

namespace panda::trace {

// Writes the index and the end, but does not close the file. contents: with offsets in `file`. instr_end:
// instructions executed at the trace's end. Throws FileError when the file cannot be written.
void write_index_and_end(OutputFile& file, const Contents& contents, uint64_t instr_end);

}  // namespace panda::trace
