// Finds where a pass over a trace's system calls may start without missing one.
#pragma once

#include <cstddef>

#include "analyzers/syscalls/linux_guest.h"
#include "trace/reading/reader.h"

namespace panda::syscalls {

// The number of the last snapshot before which certainly no program ran: in a trace of a boot, one before the
// kernel starts its first program. 0, the start of the trace, if programs run from there on, if the trace has
// no index, and for a pipe. Decodes the events of the chunks up to the first that has a system call or a
// return from the kernel, about 0.1 ms each, and looks for the kernel at a snapshot or two. Throws FileError
// when one of these is damaged.
size_t snapshot_before_programs(trace::TraceReader& reader, const LinuxGuest::Open& open);

}  // namespace panda::syscalls
