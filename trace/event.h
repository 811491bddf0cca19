// What happens between and inside block executions, rarely enough to be recorded one by one.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "common/bytes.h"

namespace panda::trace {

// The numbers are part of the file format, so only append to them.
enum class EventKind : uint32_t {
    interrupt = 0,
    exception = 1,
    address_space = 2,
    mode = 3,
    memory_map = 4,
    gap = 5,
    transfer = 6,  // a device writes guest memory (DMA)
    port_access = 7,
    device_access = 8,  // MMIO
    system_call = 9,
    system_return = 10,
    cpuid = 11,  // and with it PANDA's hypercalls
    serial_output = 12,
    reset = 13,
    input = 14,
};

enum class InterruptSource : uint32_t {
    hardware = 0,  // through the interrupt controller; vector is valid
    nmi = 1,
    smi = 2,  // entry to system management mode
    init = 3,
    virtual_irq = 4,
    other = 5,
};

// The processor takes an interrupt: the next block belongs to the handler, or to a task that it switches
// to.
struct Interrupt {
    static constexpr EventKind kind = EventKind::interrupt;
    uint32_t vector = 0;
    InterruptSource source = InterruptSource::hardware;
    bool operator==(const Interrupt&) const = default;
};

// The processor raises an exception, or executes a software interrupt.
struct Exception {
    static constexpr EventKind kind = EventKind::exception;
    uint32_t vector = 0;
    uint32_t error_code = 0;  // 0 for vectors that have no error code
    uint64_t cr2 = 0;         // for page faults the faulting address, otherwise CR2 as it was
    uint64_t pc = 0;          // linear address of the instruction that raised it
    bool operator==(const Exception&) const = default;
};

// CR3 has another value.
struct AddressSpaceChange {
    static constexpr EventKind kind = EventKind::address_space;
    uint64_t cr3 = 0;
    bool operator==(const AddressSpaceChange&) const = default;
};

// CR0, CR4 or EFER has another value, or the processor enters or leaves system management mode.
struct ModeChange {
    static constexpr EventKind kind = EventKind::mode;
    uint64_t cr0 = 0;
    uint64_t cr4 = 0;
    uint64_t efer = 0;
    bool system_management = false;
    bool operator==(const ModeChange&) const = default;
};

// From here on physical addresses lead elsewhere. `map` numbers the trace's memory maps, from 0.
struct MemoryMapChange {
    static constexpr EventKind kind = EventKind::memory_map;
    uint32_t map = 0;
    bool operator==(const MemoryMapChange&) const = default;
};

// The trace leaves out `instructions` instructions here, because only a part of the replay was asked for.
struct Gap {
    static constexpr EventKind kind = EventKind::gap;
    uint64_t instructions = 0;
    bool operator==(const Gap&) const = default;
};

// Memory changes by other means than the processor's loads and stores: a device's DMA, mostly.
enum class TransferSource : uint32_t {
    device = 0,
    processor = 1,  // state that the processor saves by physical address (system management mode)
    disk = 2,
    network = 3,
};
struct Transfer {
    static constexpr EventKind kind = EventKind::transfer;
    uint32_t block = 0;   // index into TraceHeader::memory_blocks
    uint64_t offset = 0;  // in the block
    TransferSource source = TransferSource::device;
    Bytes data;
    uint32_t device = 0;  // 1 + index into TraceHeader::devices; 0: not known, or the processor
    bool operator==(const Transfer&) const = default;
};

// The processor reads or writes an I/O port.
struct PortAccess {
    static constexpr EventKind kind = EventKind::port_access;
    uint32_t port = 0;
    uint32_t size = 0;  // bytes
    bool write = false;
    uint64_t value = 0;
    bool operator==(const PortAccess&) const = default;
};

// A load from or a store to a device (MMIO). The access's virtual address is in the memory columns.
struct DeviceAccess {
    static constexpr EventKind kind = EventKind::device_access;
    uint64_t address = 0;  // guest physical
    uint32_t size = 0;     // bytes
    bool write = false;
    uint64_t value = 0;
    bool operator==(const DeviceAccess&) const = default;
};

enum class CallGate : uint32_t {
    syscall = 0,
    sysenter = 1,
    interrupt = 2,  // int 0x80; returns by iret
    syscall32 = 3,  // syscall executed by 32-bit code
};

// A program of the guest calls its kernel. number and arguments are the registers at the call: rax and rdi
// rsi rdx r10 r8 r9 for the gate `syscall`, eax and ebx ecx edx esi edi ebp for the others.
struct SystemCall {
    static constexpr EventKind kind = EventKind::system_call;
    CallGate gate = CallGate::syscall;
    uint64_t number = 0;
    std::array<uint64_t, 6> arguments{};
    uint64_t stack_pointer = 0;
    uint64_t pc = 0;  // linear address of the instruction
    bool operator==(const SystemCall&) const = default;
};

// The kernel returns to a program: from a system call, an interrupt or an exception, or for the first time.
enum class ReturnGate : uint32_t {
    sysret = 0,
    sysexit = 1,
    iret = 2,
};
struct SystemReturn {
    static constexpr EventKind kind = EventKind::system_return;
    ReturnGate gate = ReturnGate::sysret;
    uint64_t value = 0;  // rax
    uint64_t stack_pointer = 0;
    uint64_t pc = 0;  // linear address where the program goes on
    bool operator==(const SystemReturn&) const = default;
};

// The processor executes CPUID. PANDA's hypercalls are CPUIDs with a command in rax and arguments in the
// other registers.
struct Cpuid {
    static constexpr EventKind kind = EventKind::cpuid;
    std::array<uint64_t, 6> before{};  // rax rbx rcx rdx rdi rsi
    std::array<uint64_t, 4> after{};   // rax rbx rcx rdx
    uint64_t pc = 0;
    bool operator==(const Cpuid&) const = default;
};

// The guest wrote to a serial port.
struct SerialOutput {
    static constexpr EventKind kind = EventKind::serial_output;
    uint32_t port = 0;  // 0 = COM1
    Bytes data;
    bool operator==(const SerialOutput&) const = default;
};

// The machine is reset, and the processor starts again.
struct Reset {
    static constexpr EventKind kind = EventKind::reset;
    bool operator==(const Reset&) const = default;
};

enum class InputSource : uint32_t {
    time_stamp = 0,     // rdtsc, rdtscp
    msr = 1,            // rdmsr of a register that is not the processor's own
    task_priority = 2,  // CR8
    random = 3,         // rdrand, rdseed
};

// The processor takes a value from outside of it and of memory, other than by a port or from a device's memory.
struct Input {
    static constexpr EventKind kind = EventKind::input;
    InputSource source = InputSource::time_stamp;
    uint32_t number = 0;  // of the register, for an MSR
    uint64_t value = 0;
    bool operator==(const Input&) const = default;
};

// An event of a kind that this version does not know, from a newer trace.
struct UnknownEvent {
    uint32_t kind = 0;
    std::vector<uint64_t> fields;
    Bytes data;
    bool operator==(const UnknownEvent&) const = default;
};

using EventDetail = std::variant<Interrupt, Exception, AddressSpaceChange, ModeChange, MemoryMapChange, Gap,
                                 UnknownEvent, Transfer, PortAccess, DeviceAccess, SystemCall, SystemReturn,
                                 Cpuid, SerialOutput, Reset, Input>;

struct Event {
    // How many instructions were executed before it. For an event between two blocks, this is the instr that
    // the block stream has reached there. An event in the middle of a block stands before that block, and its
    // instr is larger than the block's.
    uint64_t instr = 0;
    EventDetail detail;

    bool operator==(const Event&) const = default;
};

// The number of the event's kind in the file.
uint32_t event_kind(const EventDetail& detail);

// The name of a kind: "interrupt", "exception" …; "event 37" for a kind that has no name here.
std::string event_kind_name(uint32_t kind);

}  // namespace panda::trace
