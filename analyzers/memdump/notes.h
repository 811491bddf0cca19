// The notes of an ELF core.
#pragma once

#include <cstdint>
#include <string>

#include "common/bytes.h"
#include "trace/cpu_state.h"

namespace panda::analyze_memdump {

// A note: name, type, content, padded to 4 bytes each.
void put_note(ByteWriter& out, const std::string& name, uint32_t type, std::span<const std::byte> content);

// struct elf_prstatus of Linux, of a processor: its registers; everything else is 0.
Bytes prstatus64(const trace::CpuState& cpu);
Bytes prstatus32(const trace::CpuState& cpu);

// struct QEMUCPUState, of version 1 (QEMU's target/i386/arch_dump.c).
Bytes qemu_cpu_state(const trace::CpuState& cpu);

}  // namespace panda::analyze_memdump
