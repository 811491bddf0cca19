// Dumps guest memory for other tools.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/file.h"
#include "trace/moment/moment.h"

namespace panda::analyze_memdump {

// Writes guest physical memory from address 0 to the end of RAM. A byte's place in the file is its address.
// What is not memory is zero. Throws FileError when the file cannot be written or the trace is damaged.
void write_raw(OutputFile& file, const trace::Moment& moment);

// Writes an ELF core as QEMU's dump-guest-memory does, which crash, drgn and Volatility read. It has a
// PT_LOAD for each range of RAM and ROM, by physical address; the processor's registers (NT_PRSTATUS, and
// QEMU's own note with the control registers); and the kernel's VMCOREINFO, if there is one. In that case the
// last PT_LOAD is the kernel's image, by virtual address, in the same bytes of the file, because drgn reads
// page tables through it. architecture: the trace's. Returns whether VMCOREINFO was found. Throws as
// write_raw does.
bool write_elf(OutputFile& file, const trace::Moment& moment, const std::string& architecture);

// The text that Linux keeps about itself for crash dumps (kernel/vmcore_info.c): a page of memory that starts
// with "OSRELEASE=". Returns nothing if there is none yet.
std::optional<std::string> find_vmcoreinfo(const trace::Moment& moment);

}  // namespace panda::analyze_memdump
