// What a recording (.panda) holds, as values. The bytes on disk are described in container.h,
// values.h and log_coding.h.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "common/bytes.h"
#include "recorder/format/kinds.h"

namespace panda::recording {

// Position of an input: instructions executed since the recording began, and how many exceptions the
// processor has taken since the last executed instruction. An exception takes no instruction of its own, so
// `instr` alone would not distinguish before a fault from after it.
struct Position {
    uint64_t instr = 0;
    uint32_t exceptions = 0;

    auto operator<=>(const Position&) const = default;
};

// One block of guest memory (RAM, ROM, video memory), by QEMU's name for it.
struct MemoryBlock {
    std::string name;
    uint64_t size = 0;  // bytes, a multiple of 4096
};

// What a device is for, by QEMU's categories of devices.
enum class DeviceKind : uint8_t {
    other = recording_device_other,
    disk = recording_device_disk,
    network = recording_device_network,
    display = recording_device_display,
    usb = recording_device_usb,
    sound = recording_device_sound,
    input = recording_device_input,
};
inline constexpr unsigned device_kinds = recording_device_input + 1;

const char* device_kind_name(DeviceKind kind);

// A device that the machine had when the recording began.
struct Device {
    std::string model;  // QEMU's name for its type: "e1000", "virtio-blk-pci"
    std::string place;  // its id, or its place on its bus ("0000:00:03.0"), or ""
    DeviceKind kind = DeviceKind::other;

    bool operator==(const Device&) const = default;
};

enum class RangeKind : uint8_t {
    ram = recording_range_ram,                // reads and writes reach the block
    rom = recording_range_rom,                // writes are ignored
    rom_device = recording_range_rom_device,  // reads reach the block, writes go to a device
};

// A range of guest physical addresses that a block backs. What no range covers is a device or nothing at all.
struct MappedRange {
    uint64_t address = 0;
    uint64_t size = 0;
    uint64_t block_offset = 0;
    uint32_t block = 0;  // index into the recording's blocks
    RangeKind kind = RangeKind::ram;

    bool operator==(const MappedRange&) const = default;
};

// What the processor sees of physical memory. x86 has two address spaces: 0 outside and 1 in system
// management mode.
struct MemoryMap {
    uint32_t address_space = 0;
    std::vector<MappedRange> ranges;  // ascending, disjoint

    bool operator==(const MemoryMap&) const = default;
};

enum class EntryKind : uint8_t {
    // Synchronous: the executing instruction asks for the value and takes the next entry.
    mmio_read = recording_mmio_read,    // value, size; also the second half of a 16-byte access
    port_read = recording_port_read,    // value
    time_stamp = recording_time_stamp,  // value of RDTSC
    msr_read = recording_msr_read,      // value of a model-specific register that lives in a device
    task_priority_read = recording_task_priority_read,  // CR8
    random = recording_random,  // value of RDRAND or RDSEED, value2 = the flags after it
    cpuid = recording_cpuid,    // value = EAX | EBX << 32, value2 = ECX | EDX << 32
    // Asynchronous: applied between two instructions, at its position.
    interrupt = 7,     // value = request (kinds.h), value2 = vector (hard interrupts)
    wake = 8,          // HLT ended
    memory_write = 9,  // `device` wrote `data` to block value at offset value2
    memory_map = 10,   // what the processor sees of memory changed: `map`
    a20 = 11,          // value = 1 enabled, 0 disabled
    reset = 12,        // the machine was reset; data = processor state as in the snapshot
    // value = 0: a debugger changed the processor; data as for reset. Else a device that the running instruction
    // called wrote value2 to the general register value - 1 (0 to 15: RAX, RCX, RDX, RBX, RSP, …), which is
    // applied within the instruction, before what it asks for, or right after it.
    processor_write = 13,
    check = 14,  // data = fingerprint of the processor state, see recorder/engine/fingerprint.h
    end = 15,    // the recording was ended here in order
};
inline constexpr unsigned entry_kinds = 16;

const char* entry_kind_name(EntryKind kind);
// For sentences: "an interrupt".
std::string entry_kind_with_article(EntryKind kind);

struct Entry {
    EntryKind kind = EntryKind::end;
    Position position;
    uint64_t value = 0;
    uint64_t value2 = 0;
    Bytes data;
    MemoryMap map;        // memory_map only
    uint32_t device = 0;  // memory_write only: 1 + index into the recording's devices; 0: not known
};

// Facts about the machine, name to text: "machine", "cpu-model", "memory", "qemu-version", "qemu-hash",
// "kernel-command-line", "command", "date" (ISO 8601, UTC), "architecture" …
using Facts = std::map<std::string, std::string>;

// Hash of guest memory at the end: one XXH3 for each MiB of each block, in order of the blocks.
inline constexpr uint64_t memory_hash_granule = uint64_t{1} << 20;
// The hashes of one block.
std::vector<uint64_t> hash_memory(std::span<const std::byte> block);

}  // namespace panda::recording
