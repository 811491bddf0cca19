// A dump of guest memory, for other tools.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/file.h"
#include "trace/moment/moment.h"

namespace panda::analyze_memdump {

// Guest physical memory from address 0 to the end of RAM: a byte's place in the file is its address. What is
// no memory is zero.
void write_raw(OutputFile& file, const trace::Moment& moment);

// An ELF core as QEMU's dump-guest-memory writes it, which crash, drgn and Volatility read: a PT_LOAD for
// each range of RAM and ROM, by physical address; the processor's registers (NT_PRSTATUS, and QEMU's own note
// with the control registers); and the kernel's VMCOREINFO, if it is there. Then the last PT_LOAD is the
// kernel's image, by virtual address, in the same bytes of the file: drgn reads page tables that way.
// architecture: of the trace's header. Returns whether VMCOREINFO was found.
bool write_elf(OutputFile& file, const trace::Moment& moment, const std::string& architecture);

// The text that Linux keeps about itself for crash dumps (kernel/vmcore_info.c): a page of memory that begins
// with "OSRELEASE=". Nothing when there is none yet.
std::optional<std::string> find_vmcoreinfo(const trace::Moment& moment);

}  // namespace panda::analyze_memdump
