// Makes the notes of an ELF core.
#pragma once

#include <cstdint>
#include <string>

#include "common/bytes.h"
#include "trace/cpu_state.h"

namespace panda::analyze_memdump {

// Appends a note: name, type and content, each padded to 4 bytes.
void put_note(ByteWriter& out, const std::string& name, uint32_t type, std::span<const std::byte> content);

// Linux's struct elf_prstatus with a processor's registers; everything else in it is 0.
Bytes prstatus64(const trace::CpuState& cpu);
Bytes prstatus32(const trace::CpuState& cpu);

// QEMU's struct QEMUCPUState, version 1 (target/i386/arch_dump.c of QEMU).
Bytes qemu_cpu_state(const trace::CpuState& cpu);

}  // namespace panda::analyze_memdump
