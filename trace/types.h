// The values that a trace is made of: the machine, its memory, its code. trace.capnp describes their bytes.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/bytes.h"
#include "trace/record_layout.h"

namespace panda::trace {

inline constexpr uint64_t page_size = 4096;  // of snapshots, whatever the guest's own pages are

// One block of guest memory (RAM, ROM, video memory), by QEMU's name for it.
struct MemoryBlock {
    std::string name;
    uint64_t size = 0;  // bytes, a multiple of page_size

    bool operator==(const MemoryBlock&) const = default;
};

enum class RangeKind : uint8_t {
    ram = 0,         // reads and writes reach the block
    rom = 1,         // writes are ignored
    rom_device = 2,  // reads reach the block, writes go to a device
};

// A range of guest physical addresses backed by a block. Addresses outside all ranges lead to a device or to
// nothing at all.
struct MappedRange {
    uint64_t address = 0;
    uint64_t size = 0;          // bytes
    uint64_t block_offset = 0;  // of the first byte
    uint32_t block = 0;         // index into TraceHeader::memory_blocks
    RangeKind kind = RangeKind::ram;

    bool operator==(const MappedRange&) const = default;
};

// Where guest physical addresses lead. x86 has two physical address spaces: 0 outside and 1 inside system
// management mode.
struct MemoryMap {
    uint32_t address_space = 0;
    std::vector<MappedRange> ranges;  // ascending, disjoint

    bool operator==(const MemoryMap&) const = default;
};

// A device of the machine, from the recording.
struct Device {
    std::string model;  // QEMU's name of its type: "e1000", "virtio-blk-pci"
    std::string place;  // its id, or its place on its bus ("0000:00:03.0"), or ""
    std::string kind;   // "disk", "network", "display", "usb", "sound", "input" or "other"

    bool operator==(const Device&) const = default;
};

// The first thing in a trace.
struct TraceHeader {
    // Name to text, from the recording: "machine", "cpu-model", "kernel-command-line", "command", "date" …
    std::map<std::string, std::string> facts;
    std::string architecture;  // "x86_64" or "i386"
    std::vector<MemoryBlock> memory_blocks;
    uint64_t first_instr = 0;       // where the trace begins
    std::vector<Device> devices{};  // that Transfer events refer to
};

// How much of memory a trace holds.
enum class MemoryColumns : uint8_t {
    none = 0,       // blocks and events only
    addresses = 1,  // and the addresses of loads and stores
    values = 2,     // and the values of stores, so that memory is known at any instruction
};

// What a snapshot lists.
enum class SnapshotKind : uint8_t {
    full = 0,     // every page that is not all zero
    changed = 1,  // pages that differ from the previous snapshot
};

inline constexpr uint64_t no_address = ~uint64_t{0};

// A register whose value a trace follows from block to block, so that addresses counted from it need not be
// recorded. A block's definition says how the block changes it; where that is not known at translation, each
// execution records the value (see MemoryOperation). When it changes between blocks (an interrupt, an
// exception, a block that was cut short), an InnerEvent says so.
enum class FollowedRegister : uint8_t {
    stack_pointer = followed_stack_pointer,
    fs_base = followed_fs_base,
    gs_base = followed_gs_base,
};
using FollowedValues = std::array<uint64_t, followed_registers>;

// What an address, or another followed register, is counted from: the register's value at the block's start.
// The other bases are in record_layout.h.
constexpr uint16_t base_register(FollowedRegister which) {
    return static_cast<uint16_t>(base_first_register + static_cast<unsigned>(which));
}

// A load or store that a block's code makes, known since the block was translated. What helpers of the
// emulator access (interrupt frames, fxsave, segment loads) is not here: see InnerEvent.
//
// An execution of a block leaves words for its operations (record_layout.h), which the writer codes. The
// value of a store is as memory gets it.
struct MemoryOperation {
    static constexpr uint16_t none = base_none;
    static constexpr uint64_t not_run = address_not_run;

    uint16_t instruction = 0;  // index in the block; ascending
    uint8_t size = 8;          // bytes: 1, 2, 4, 8 or 16; 0: it accesses nothing and has a register's value
    FollowedRegister told = FollowedRegister::stack_pointer;  // the register, for size 0
    bool store = false;
    // Even a complete execution of its instruction may leave it out. Then it has an address word. All
    // operations of an instruction but the last have one too, so that the words show how far an instruction
    // came that was cut short.
    bool conditional = false;
    // The address is derived unless base is `none`: it is the address of operation number `base` (an earlier
    // one, neither derived nor conditional) or one of base_…, plus delta, modulo 2^32 if narrow.
    uint16_t base = none;
    bool narrow = false;
    int64_t delta = 0;
    // Only for a store of at most 8 bytes: every execution stores `constant`.
    bool constant_value = false;
    uint64_t constant = 0;

    // Whether an execution leaves a word for the address, or for the value of a register.
    bool has_address_word() const { return base == none; }
    bool is_access() const { return size != 0; }
    // How many words an execution leaves for the value, and in all.
    uint32_t value_words() const { return stored_words(store, constant_value, size); }
    uint32_t words(bool with_values) const { return address_words(base) + (with_values ? value_words() : 0); }
    bool operator==(const MemoryOperation&) const = default;
};

// What a block makes of a followed register: the value of `base` (an operation that has a word, or one of
// base_…), plus delta, modulo 2^32 if narrow.
struct RegisterChange {
    FollowedRegister which = FollowedRegister::stack_pointer;
    bool narrow = false;
    uint16_t base = base_constant;
    int64_t delta = 0;

    bool operator==(const RegisterChange&) const = default;
};

// A translation block: straight-line guest code that is entered at its beginning only.
struct BlockDefinition {
    uint64_t pc = 0;           // linear address of the first instruction (cs_base included)
    uint64_t cs_base = 0;      // base of the code segment
    uint64_t flags = 0;        // QEMU's hflags: privilege, code size, SMM … (target/i386/cpu.h HF_*)
    uint64_t physical_pc = 0;  // guest physical address of the first byte
    uint64_t physical_second_page = no_address;  // of the second page's start, if the block reaches it
    uint32_t guest_size = 0;                     // bytes of guest code
    Bytes code;                                  // guest_size bytes, or empty where they could not be read
    std::vector<uint16_t> instruction_offsets;   // of each instruction in the block, ascending from 0

    std::vector<MemoryOperation> operations{};  // in order of execution
    std::vector<RegisterChange> changes{};      // at most one for each register
    Bytes tcg{};  // TCG operations before optimisation (trace/README.md), or empty

    uint32_t instruction_count() const { return static_cast<uint32_t>(instruction_offsets.size()); }
    bool operator==(const BlockDefinition&) const = default;
};

}  // namespace panda::trace
