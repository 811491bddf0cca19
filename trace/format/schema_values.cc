#include "trace/format/schema_values.h"

#include <algorithm>
#include <array>
#include <memory>
#include <span>

#include "common/error.h"
#include "trace/event.h"
#include "trace/inner_event.h"
#include "trace/limits.h"

namespace panda::trace {
namespace {

constexpr size_t text_overhead = 64;  // pointers, padding and fixed fields of a list element with texts

void put_segment(schema::X86State::Segment::Builder out, const Segment& segment) {
    out.setSelector(segment.selector);
    out.setBase(segment.base);
    out.setLimit(segment.limit);
    out.setFlags(segment.flags);
}

Segment get_segment(schema::X86State::Segment::Reader in) {
    return {in.getSelector(), in.getBase(), in.getLimit(), in.getFlags()};
}

// A range that is not empty, of whole pages, and inside both the address space and its block.
bool range_is_sound(const MappedRange& range, const TraceHeader& header) {
    if (range.block >= header.memory_blocks.size() || range.kind > RangeKind::rom_device)
        return false;
    const uint64_t block_size = header.memory_blocks[range.block].size;
    return range.size > 0 && range.size <= block_size && range.block_offset <= block_size - range.size &&
           range.address <= ~uint64_t{0} - range.size;
}

// --- The schema's enumerations number what this library's do ---

template <typename Theirs, typename Ours>
constexpr bool same(Theirs theirs, Ours ours) {
    return static_cast<unsigned>(theirs) == static_cast<unsigned>(ours);
}

static_assert(same(schema::EventKind::INTERRUPT, EventKind::interrupt) &&
              same(schema::EventKind::EXCEPTION, EventKind::exception) &&
              same(schema::EventKind::ADDRESS_SPACE, EventKind::address_space) &&
              same(schema::EventKind::MODE, EventKind::mode) &&
              same(schema::EventKind::MEMORY_MAP, EventKind::memory_map) &&
              same(schema::EventKind::GAP, EventKind::gap) &&
              same(schema::EventKind::TRANSFER, EventKind::transfer) &&
              same(schema::EventKind::PORT_ACCESS, EventKind::port_access) &&
              same(schema::EventKind::DEVICE_ACCESS, EventKind::device_access) &&
              same(schema::EventKind::SYSTEM_CALL, EventKind::system_call) &&
              same(schema::EventKind::SYSTEM_RETURN, EventKind::system_return) &&
              same(schema::EventKind::CPUID, EventKind::cpuid) &&
              same(schema::EventKind::SERIAL_OUTPUT, EventKind::serial_output) &&
              same(schema::EventKind::RESET, EventKind::reset) &&
              same(schema::EventKind::INPUT, EventKind::input));
static_assert(same(schema::InputSource::TIME_STAMP, InputSource::time_stamp) &&
              same(schema::InputSource::MSR, InputSource::msr) &&
              same(schema::InputSource::TASK_PRIORITY, InputSource::task_priority) &&
              same(schema::InputSource::RANDOM, InputSource::random));
static_assert(same(schema::InterruptSource::HARDWARE, InterruptSource::hardware) &&
              same(schema::InterruptSource::NMI, InterruptSource::nmi) &&
              same(schema::InterruptSource::SMI, InterruptSource::smi) &&
              same(schema::InterruptSource::INIT, InterruptSource::init) &&
              same(schema::InterruptSource::VIRTUAL_IRQ, InterruptSource::virtual_irq) &&
              same(schema::InterruptSource::OTHER, InterruptSource::other));
static_assert(same(schema::TransferSource::DEVICE, TransferSource::device) &&
              same(schema::TransferSource::PROCESSOR, TransferSource::processor) &&
              same(schema::TransferSource::DISK, TransferSource::disk) &&
              same(schema::TransferSource::NETWORK, TransferSource::network));
static_assert(same(schema::CallGate::SYSCALL, CallGate::syscall) &&
              same(schema::CallGate::SYSENTER, CallGate::sysenter) &&
              same(schema::CallGate::INTERRUPT, CallGate::interrupt) &&
              same(schema::CallGate::SYSCALL32, CallGate::syscall32));
static_assert(same(schema::ReturnGate::SYSRET, ReturnGate::sysret) &&
              same(schema::ReturnGate::SYSEXIT, ReturnGate::sysexit) &&
              same(schema::ReturnGate::IRET, ReturnGate::iret));
static_assert(same(schema::InnerKind::FILL, InnerKind::fill) &&
              same(schema::InnerKind::TABLE_WRITE, InnerKind::table_write) &&
              same(schema::InnerKind::HELPER_LOAD, InnerKind::helper_load) &&
              same(schema::InnerKind::HELPER_STORE, InnerKind::helper_store) &&
              same(schema::InnerKind::REGISTER_VALUE, InnerKind::register_value));
static_assert(same(schema::FollowedRegister::STACK_POINTER, FollowedRegister::stack_pointer) &&
              same(schema::FollowedRegister::FS_BASE, FollowedRegister::fs_base) &&
              same(schema::FollowedRegister::GS_BASE, FollowedRegister::gs_base));

}  // namespace

size_t header_size(const TraceHeader& header) {
    size_t size = text_overhead + header.architecture.size();
    for (const auto& [name, value] : header.facts)
        size += text_overhead + name.size() + value.size();
    for (const auto& block : header.memory_blocks)
        size += text_overhead + block.name.size();
    for (const auto& device : header.devices)
        size += text_overhead + device.model.size() + device.place.size() + device.kind.size();
    return size;
}

void put_header(schema::Header::Builder out, const TraceHeader& header) {
    out.setMagic(header_magic);
    out.setVersion(format_version);
    out.setArchitecture(header.architecture.c_str());
    out.setFirstInstr(header.first_instr);
    auto facts = out.initFacts(static_cast<uint>(header.facts.size()));
    uint32_t i = 0;
    for (const auto& [name, value] : header.facts) {
        facts[i].setName(kj::StringPtr(name.c_str(), name.size()));
        facts[i++].setValue(kj::StringPtr(value.c_str(), value.size()));
    }
    auto blocks = out.initMemoryBlocks(static_cast<uint>(header.memory_blocks.size()));
    for (i = 0; i < blocks.size(); ++i) {
        blocks[i].setName(kj::StringPtr(header.memory_blocks[i].name.c_str()));
        blocks[i].setSize(header.memory_blocks[i].size);
    }
    auto devices = out.initDevices(static_cast<uint>(header.devices.size()));
    for (i = 0; i < devices.size(); ++i) {
        devices[i].setModel(header.devices[i].model.c_str());
        devices[i].setPlace(header.devices[i].place.c_str());
        devices[i].setKind(header.devices[i].kind.c_str());
    }
}

TraceHeader get_header(schema::Header::Reader in) {
    if (in.getMagic() != header_magic)
        throw Error("is not the header of a trace");
    if (in.getVersion() == 0 || in.getVersion() > format_version)
        throw Error("is of trace format version " + std::to_string(in.getVersion()) +
                    ", and this program reads up to version " + std::to_string(format_version));
    if (in.getFacts().size() > max_facts || in.getMemoryBlocks().size() > max_memory_blocks)
        throw Error("has an impossible number of facts or memory blocks");
    if (in.getDevices().size() > max_devices)
        throw Error("has an impossible number of devices");
    TraceHeader header;
    header.architecture = in.getArchitecture().cStr();
    header.first_instr = in.getFirstInstr();
    for (const auto fact : in.getFacts())
        header.facts.emplace(fact.getName().cStr(), fact.getValue().cStr());
    for (const auto block : in.getMemoryBlocks()) {
        if (block.getSize() % page_size != 0 || block.getSize() > max_memory_block_size)
            throw Error("has a memory block of an impossible size");
        header.memory_blocks.push_back({block.getName().cStr(), block.getSize()});
    }
    for (const auto device : in.getDevices())
        header.devices.push_back(
            {device.getModel().cStr(), device.getPlace().cStr(), device.getKind().cStr()});
    return header;
}

void put_memory_map(schema::MemoryMap::Builder out, const MemoryMap& map) {
    out.setAddressSpace(map.address_space);
    auto ranges = out.initRanges(static_cast<uint>(map.ranges.size()));
    for (uint32_t i = 0; i < ranges.size(); ++i) {
        const MappedRange& range = map.ranges[i];
        ranges[i].setAddress(range.address);
        ranges[i].setSize(range.size);
        ranges[i].setBlockOffset(range.block_offset);
        ranges[i].setBlock(range.block);
        ranges[i].setKind(static_cast<schema::RangeKind>(range.kind));
    }
}

MemoryMap get_memory_map(schema::MemoryMap::Reader in, const TraceHeader& header) {
    if (in.getRanges().size() > max_mapped_ranges || in.getAddressSpace() >= max_physical_address_spaces)
        throw Error("has an impossible memory map");
    MemoryMap map{in.getAddressSpace(), {}};
    uint64_t end = 0;
    for (const auto range : in.getRanges()) {
        map.ranges.push_back({range.getAddress(), range.getSize(), range.getBlockOffset(), range.getBlock(),
                              static_cast<RangeKind>(range.getKind())});
        const MappedRange& last = map.ranges.back();
        if (!range_is_sound(last, header) || last.address < end)
            throw Error("has a memory map with an impossible range");
        end = last.address + last.size;
    }
    return map;
}

// How many bytes of each vector register are not all zeros: 16, 32 or 64.
uint8_t vector_size(const FloatingState& state) {
    uint8_t size = 16;
    for (const auto& vector : state.vectors) {
        while (size < vector.size() &&
               std::ranges::any_of(
                   std::span(vector).subspan(size), [](std::byte byte) { return byte != std::byte{}; }))
            size *= 2;
    }
    return size;
}

void put_floating(schema::FloatingState::Builder out, const FloatingState& state) {
    out.setControl(state.control);
    out.setStatus(state.status);
    out.setTop(state.top);
    out.setEmpty(state.empty);
    out.setMxcsr(state.mxcsr);
    out.setXcr0(state.xcr0);
    out.setPkru(state.pkru);
    auto registers = out.initRegisters(static_cast<uint>(state.registers.size() * state.registers[0].size()));
    auto* byte = registers.begin();
    for (const auto& value : state.registers)
        for (const std::byte part : value)
            *byte++ = std::to_integer<kj::byte>(part);
    const uint8_t size = vector_size(state);
    out.setVectorSize(size);
    auto vectors = out.initVectors(static_cast<uint>(state.vectors.size() * size));
    byte = vectors.begin();
    for (const auto& vector : state.vectors)
        for (const std::byte part : std::span(vector).first(size))
            *byte++ = std::to_integer<kj::byte>(part);
}

std::shared_ptr<const FloatingState> get_floating(schema::FloatingState::Reader in) {
    auto state = std::make_shared<FloatingState>();
    const auto registers = in.getRegisters();
    const auto vectors = in.getVectors();
    const size_t size = in.getVectorSize();
    if (registers.size() != state->registers.size() * state->registers[0].size() ||
        (size != 16 && size != 32 && size != 64) || vectors.size() != state->vectors.size() * size ||
        in.getTop() > 7)
        throw Error("has a floating-point state that is impossible");
    state->control = in.getControl();
    state->status = in.getStatus();
    state->top = in.getTop();
    state->empty = in.getEmpty();
    state->mxcsr = in.getMxcsr();
    state->xcr0 = in.getXcr0();
    state->pkru = in.getPkru();
    const auto* byte = registers.begin();
    for (auto& value : state->registers)
        for (std::byte& part : value)
            part = std::byte{*byte++};
    byte = vectors.begin();
    for (auto& vector : state->vectors)
        for (std::byte& part : std::span(vector).first(size))
            part = std::byte{*byte++};
    return state;
}

void put_cpu_state(schema::CpuState::Builder out, const CpuState& state) {
    auto x86 = out.initX86();
    auto general = x86.initGeneral(static_cast<uint>(state.general.size()));
    for (uint32_t i = 0; i < general.size(); ++i)
        general.set(i, state.general[i]);
    auto segments = x86.initSegments(static_cast<uint>(state.segments.size()));
    for (uint32_t i = 0; i < segments.size(); ++i)
        put_segment(segments[i], state.segments[i]);
    put_segment(x86.initLdt(), state.ldt);
    put_segment(x86.initTask(), state.task);
    x86.setRip(state.rip);
    x86.setRflags(state.rflags);
    x86.setGdtBase(state.gdt.base);
    x86.setGdtLimit(state.gdt.limit);
    x86.setIdtBase(state.idt.base);
    x86.setIdtLimit(state.idt.limit);
    x86.setCr0(state.cr0);
    x86.setCr2(state.cr2);
    x86.setCr3(state.cr3);
    x86.setCr4(state.cr4);
    x86.setEfer(state.efer);
    x86.setStar(state.star);
    x86.setLstar(state.lstar);
    x86.setCstar(state.cstar);
    x86.setFmask(state.fmask);
    x86.setKernelGsBase(state.kernel_gs_base);
    x86.setSysenterCs(state.sysenter_cs);
    x86.setSysenterEsp(state.sysenter_esp);
    x86.setSysenterEip(state.sysenter_eip);
    x86.setTscAux(state.tsc_aux);
    x86.setSystemManagement(state.system_management);
    if (state.floating)
        put_floating(x86.initFloating(), *state.floating);
}

CpuState get_cpu_state(schema::CpuState::Reader in) {
    if (!in.isX86())
        throw Error("has the processor state of an architecture that this version does not know");
    const auto x86 = in.getX86();
    CpuState state;
    if (x86.getGeneral().size() != state.general.size() || x86.getSegments().size() != state.segments.size())
        throw Error("has a processor state with an impossible number of registers");
    for (uint32_t i = 0; i < state.general.size(); ++i)
        state.general[i] = x86.getGeneral()[i];
    for (uint32_t i = 0; i < state.segments.size(); ++i)
        state.segments[i] = get_segment(x86.getSegments()[i]);
    state.ldt = get_segment(x86.getLdt());
    state.task = get_segment(x86.getTask());
    state.rip = x86.getRip();
    state.rflags = x86.getRflags();
    state.gdt = {x86.getGdtBase(), x86.getGdtLimit()};
    state.idt = {x86.getIdtBase(), x86.getIdtLimit()};
    state.cr0 = x86.getCr0();
    state.cr2 = x86.getCr2();
    state.cr3 = x86.getCr3();
    state.cr4 = x86.getCr4();
    state.efer = x86.getEfer();
    state.star = x86.getStar();
    state.lstar = x86.getLstar();
    state.cstar = x86.getCstar();
    state.fmask = x86.getFmask();
    state.kernel_gs_base = x86.getKernelGsBase();
    state.sysenter_cs = x86.getSysenterCs();
    state.sysenter_esp = x86.getSysenterEsp();
    state.sysenter_eip = x86.getSysenterEip();
    state.tsc_aux = x86.getTscAux();
    state.system_management = x86.getSystemManagement();
    if (x86.hasFloating())
        state.floating = get_floating(x86.getFloating());
    return state;
}

SnapshotKind get_snapshot_kind(schema::Snapshot::Kind kind) {
    if (kind != schema::Snapshot::Kind::FULL && kind != schema::Snapshot::Kind::CHANGED)
        throw Error("has a snapshot of a kind that this version does not know");
    return static_cast<SnapshotKind>(kind);
}

schema::Snapshot::Kind put_snapshot_kind(SnapshotKind kind) {
    return static_cast<schema::Snapshot::Kind>(kind);
}

}  // namespace panda::trace
