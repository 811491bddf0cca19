// Finds the text that Linux keeps about itself for crash dumps (VMCOREINFO, kernel/vmcore_info.c).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "trace/cpu_state.h"
#include "trace/memory/physical_memory.h"

namespace panda::analyze_memdump {

// The number after "KEY=" at the start of a line; nothing if no line starts so. base: of the number.
std::optional<uint64_t> vmcoreinfo_number(std::string_view text, std::string_view key, int base);

// The text of the kernel that runs: a page of memory that starts with "OSRELEASE=". A machine may hold several
// pages, because a kernel that was replaced (by kexec or a reset) leaves its own behind. So the text must fit
// the processor: its kernel starts before the code where the processor enters the kernel, and the page tables
// map it to where the text says. A text that does not say where its kernel is counts if no other fits. Returns
// nothing if memory does not hold one yet.
std::optional<std::string> find_vmcoreinfo(const trace::PhysicalMemory& memory, const trace::CpuState& cpu);

}  // namespace panda::analyze_memdump
