// Writes what panda-analyze osi finds as entries of a pandalog (analyzers/pandalog/pandalog.capnp).
#pragma once

#include <cstdint>
#include <string>

#include "analyzers/osi/file_report.h"
#include "analyzers/osi/memory_report.h"
#include "analyzers/osi/process_report.h"
#include "analyzers/osi/socket_report.h"
#include "analyzers/pandalog/pandalog_file.h"
#include "osi/events.h"

namespace panda::analyze_osi {

// Writes an entry for each process, mapping, file, socket (a fact of "osi-socket" for each who has it open) or
// module. pc: at the moment.
void write_pandalog(pandalog::PandalogFile& file, const ProcessReport& report, uint64_t pc);
void write_pandalog(pandalog::PandalogFile& file, const MappingReport& report, uint64_t pc);
void write_pandalog(pandalog::PandalogFile& file, const FileReport& report, uint64_t pc);
void write_pandalog(pandalog::PandalogFile& file, const SocketReport& report, uint64_t pc);
void write_pandalog(pandalog::PandalogFile& file, const ModuleReport& report, uint64_t pc);

enum class EventKind : uint8_t {
    task_change,
    new_process,
    finished_process,
    new_thread,
    finished_thread,
    execution
};

// Writes what happened to a process or to a thread.
void write_pandalog(pandalog::PandalogFile& file, EventKind kind, const osi::EventPoint& at,
                    const ProcessEntry& entry, const ProcessOptions& options);
void write_pandalog(pandalog::PandalogFile& file, EventKind kind, const osi::EventPoint& at,
                    const osi::Thread& thread, uint64_t asid);

}  // namespace panda::analyze_osi
