// Ends a trace: its index and its end message. Internal.
#pragma once

#include <cstdint>

#include "common/file.h"
#include "trace/contents.h"

namespace panda::trace {

// Writes the index of `contents` (offsets in `file`) and the end. instr_end: instructions executed at the
// trace's end. Does not close the file. Throws FileError when the file cannot take it.
void write_index_and_end(OutputFile& file, const Contents& contents, uint64_t instr_end);

}  // namespace panda::trace
