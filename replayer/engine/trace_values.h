// What the glue and the recording say, in the trace's terms.
#pragma once

#include <optional>

#include "recorder/engine/glue.h"
#include "recorder/format/reader.h"
#include "replayer/engine/trace_glue.h"
#include "trace/cpu_state.h"
#include "trace/event.h"
#include "trace/types.h"

namespace panda::engine {

trace::TraceHeader trace_header(const recording::RecordingReader& recording);
trace::MemoryMap trace_map(const recording::MemoryMap& map);
// The processor as it is now, without floating point and vectors.
trace::CpuState cpu_state();
// The same with them.
trace::CpuState whole_cpu_state();
// The registers that a trace follows, now.
trace::FollowedValues followed_values();
// request: of an interrupt that the recording has.
trace::InterruptSource source_of(uint64_t request);
// device: as Entry::device has it.
trace::TransferSource transfer_source(uint32_t device, const recording::RecordingReader& recording);
// What kind of event an input is that an instruction asked for; nothing for those that have events of their own.
std::optional<trace::InputSource> input_source(recording::EntryKind kind);
// How a kernel returned.
trace::ReturnGate return_gate(GlueGate gate);
trace::BlockDefinition definition_of(const GlueTranslation& translation);

}  // namespace panda::engine
