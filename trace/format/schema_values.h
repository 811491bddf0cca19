// Converts the library's values to and from the schema's structs. Internal. put_… fills a struct of a
// message; get_… reads one, and throws Error when what it says is impossible or over a limit.
#pragma once

#include <string>
#include <vector>

#include "trace/contents.h"
#include "trace/cpu_state.h"
#include "trace/trace.capnp.h"
#include "trace/types.h"

namespace panda::trace {

inline constexpr uint64_t header_magic = 0x63727461646e6170;  // "pandatrc"
inline constexpr uint64_t end_magic = 0x646e6561646e6170;     // "pandaend"
// 2: blocks may follow registers (types.h FollowedRegister). Version 1 is read as well.
inline constexpr uint32_t format_version = 2;

// How many bytes the header's lists and texts take in a message, at most.
size_t header_size(const TraceHeader& header);
void put_header(schema::Header::Builder out, const TraceHeader& header);
TraceHeader get_header(schema::Header::Reader in);

void put_memory_map(schema::MemoryMap::Builder out, const MemoryMap& map);
// header: of the same trace; the ranges must lie in its memory blocks.
MemoryMap get_memory_map(schema::MemoryMap::Reader in, const TraceHeader& header);

void put_cpu_state(schema::CpuState::Builder out, const CpuState& state);
CpuState get_cpu_state(schema::CpuState::Reader in);

// Throws Error for a kind that this version does not know.
SnapshotKind get_snapshot_kind(schema::Snapshot::Kind kind);
schema::Snapshot::Kind put_snapshot_kind(SnapshotKind kind);

}  // namespace panda::trace
