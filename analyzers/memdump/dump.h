// Dumps guest memory for other tools.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "analyzers/memdump/kernel_image.h"
#include "common/file.h"
#include "trace/moment/moment.h"

namespace panda::analyze_memdump {

// Writes guest physical memory from address 0 to the end of RAM. A byte's place in the file is its address.
// What is not memory is zero, and zeros become holes of a file that can have them. Throws FileError when the
// file cannot be written or the trace is damaged.
void write_raw(OutputFile& file, const trace::Moment& moment);

// Writes RAM in LiME's format, version 1: before each range a header with its first and last address. Throws
// as write_raw does.
void write_lime(OutputFile& file, const trace::Moment& moment);

// A part of physical memory that becomes a PT_LOAD.
struct MemoryPart {
    uint64_t physical = 0;
    uint64_t size = 0;
    uint64_t address = 0;  // where the kernel has it in virtual memory; 0 if that is not known

    bool operator==(const MemoryPart&) const = default;
};

// Memory in parts by ascending physical address, disjoint and without gaps inside a range. The kernel's image
// is a part of its own, at the image's virtual address, and so is what the direct map ends in. image, direct:
// have no bytes if they are not known.
std::vector<MemoryPart> memory_parts(std::span<const trace::PhysicalMemory::Range> ranges,
                                     const KernelImage& image, const DirectMap& direct);

// Writes an ELF core as QEMU's dump-guest-memory does, which crash, drgn, gdb and Volatility read. It has a
// PT_LOAD for each part of RAM and ROM, in the order of physical addresses (memory_parts); the processor's
// registers (NT_PRSTATUS, and QEMU's own note with the control registers); and the kernel's VMCOREINFO, if
// there is one. The file's class follows the mode that the processor is in: 32 bit for a 32-bit kernel, unless
// its memory or the file reaches above 4 GiB. architecture: the trace's; counts as long as the processor has
// not left real mode. Returns whether VMCOREINFO was found. Throws as write_raw does.
bool write_elf(OutputFile& file, const trace::Moment& moment, const std::string& architecture);

}  // namespace panda::analyze_memdump
