// The registers of an x86 processor at one moment, for i386 and x86_64 guests alike.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "trace/record_layout.h"

namespace panda::trace {

// The order of general registers is the hardware's encoding order, as in QEMU's CPUX86State.regs.
enum GeneralRegister { rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15 };

// The order of segment registers is that of QEMU's R_ES .. R_GS.
enum SegmentRegister { es, cs, ss, ds, fs, gs };

struct Segment {
    uint32_t selector = 0;
    uint64_t base = 0;
    uint32_t limit = 0;
    uint32_t flags = 0;  // descriptor bits 8-23 in place, as QEMU keeps them
};

// A descriptor table register: GDTR or IDTR.
struct TableRegister {
    uint64_t base = 0;
    uint32_t limit = 0;
};

// The bits of CR3 that say where the top page table is, in the mode that CR4 and EFER are for: in long mode
// they are the others than flags and PCID; in 32-bit mode tables are aligned to 32 bytes with PAE, else to 4096.
constexpr uint64_t page_table_bits(uint64_t cr4, uint64_t efer) {
    constexpr uint64_t pae = 1 << 5;
    constexpr uint64_t long_mode_active = 1 << 10;
    if ((efer & long_mode_active) != 0)
        return 0x000f'ffff'ffff'f000;
    return (cr4 & pae) != 0 ? 0xffff'ffe0 : 0xffff'f000;
}

// Floating point and vectors.
struct FloatingState {
    uint16_t control = 0x37f;                              // x87: FCW
    uint16_t status = 0;                                   // FSW without TOP
    uint8_t top = 0;                                       // FSW.TOP: which register is st(0)
    uint8_t empty = 0xff;                                  // a bit for each register, by its number
    std::array<std::array<std::byte, 10>, 8> registers{};  // by number; MMX registers are their lower 8 bytes
    uint32_t mxcsr = 0x1f80;
    uint64_t xcr0 = 1;
    uint32_t pkru = 0;
    std::array<std::array<std::byte, 64>, 32> vectors{};

    bool operator==(const FloatingState&) const = default;
};

struct CpuState {
    std::array<uint64_t, 16> general{};  // by GeneralRegister
    uint64_t rip = 0;  // offset in cs: outside long mode, the linear address is this + segments[cs].base
    uint64_t rflags = 0;
    std::array<Segment, 6> segments{};  // by SegmentRegister
    Segment ldt;
    Segment task;
    TableRegister gdt;
    TableRegister idt;
    uint64_t cr0 = 0;
    uint64_t cr2 = 0;
    uint64_t cr3 = 0;
    uint64_t cr4 = 0;
    uint64_t efer = 0;
    uint64_t star = 0;
    uint64_t lstar = 0;  // syscall entry in long mode; the KASLR slide follows from it
    uint64_t cstar = 0;
    uint64_t fmask = 0;
    uint64_t kernel_gs_base = 0;  // what swapgs would load
    uint64_t sysenter_cs = 0;
    uint64_t sysenter_esp = 0;
    uint64_t sysenter_eip = 0;
    uint64_t tsc_aux = 0;
    bool system_management = false;  // the mode has a physical address space of its own
    // Where a chunk starts and in snapshots; null elsewhere, and in old traces. Shared, because it is large.
    std::shared_ptr<const FloatingState> floating;

    // 0 (kernel) to 3 (user): what the stack segment's selector says.
    unsigned privilege() const { return segments[ss].selector & 3; }
    // CR0.PG, EFER.LMA and CR0.PE.
    bool paging() const { return (cr0 & (uint64_t{1} << 31)) != 0; }
    bool long_mode() const { return (efer & (uint64_t{1} << 10)) != 0; }
    bool protected_mode() const { return (cr0 & 1) != 0; }
    // The address space: cr3 without flag and PCID bits.
    uint64_t asid() const { return cr3 & page_table_bits(cr4, efer); }
};

// The registers that a trace with the column `registers` has for the start of each execution: the general
// ones by GeneralRegister, and rflags (record_layout.h). In 32-bit guests r8 to r15 are 0.
using BlockRegisters = std::array<uint64_t, block_registers>;

// These registers of a processor.
inline BlockRegisters block_registers_of(const CpuState& cpu) {
    BlockRegisters registers{};
    std::copy(cpu.general.begin(), cpu.general.end(), registers.begin());
    registers[rflags_number] = cpu.rflags;
    return registers;
}
// Replaces these registers of a processor.
inline void set_block_registers(CpuState& cpu, const BlockRegisters& registers) {
    std::copy_n(registers.begin(), cpu.general.size(), cpu.general.begin());
    cpu.rflags = registers[rflags_number];
}

}  // namespace panda::trace
