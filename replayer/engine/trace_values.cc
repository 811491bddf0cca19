#include "replayer/engine/trace_values.h"

#include <algorithm>
#include <cstring>

namespace panda::engine {

trace::TraceHeader trace_header(const recording::RecordingReader& recording) {
    trace::TraceHeader header;
    header.facts = recording.facts();
    header.architecture = recording.fact("architecture");
    for (const auto& block : recording.blocks())
        header.memory_blocks.push_back({block.name, block.size});
    for (const auto& device : recording.devices())
        header.devices.push_back({device.model, device.place, recording::device_kind_name(device.kind)});
    return header;
}

trace::TransferSource transfer_source(uint32_t device, const recording::RecordingReader& recording) {
    if (device == 0)
        return trace::TransferSource::device;
    switch (recording.devices()[device - 1].kind) {
        case recording::DeviceKind::disk:
            return trace::TransferSource::disk;
        case recording::DeviceKind::network:
            return trace::TransferSource::network;
        default:
            return trace::TransferSource::device;
    }
}

trace::MemoryMap trace_map(const recording::MemoryMap& map) {
    trace::MemoryMap result;
    result.address_space = map.address_space;
    for (const auto& range : map.ranges)
        result.ranges.push_back({range.address, range.size, range.block_offset, range.block,
                                 static_cast<trace::RangeKind>(range.kind)});
    return result;
}

namespace {

trace::Segment trace_segment(const GlueSegment& segment) {
    return {static_cast<uint32_t>(segment.selector), segment.base, static_cast<uint32_t>(segment.limit),
            static_cast<uint32_t>(segment.flags)};
}

}  // namespace

trace::CpuState cpu_state() {
    GlueProcessor processor;
    glue_processor(&processor);
    trace::CpuState state;
    std::copy(std::begin(processor.general), std::end(processor.general), state.general.begin());
    state.rip = processor.flow.rip;
    state.rflags = processor.flow.rflags;
    for (size_t i = 0; i < state.segments.size(); i++)
        state.segments[i] = trace_segment(processor.segmentation.segments[i]);
    state.ldt = trace_segment(processor.segmentation.ldt);
    state.task = trace_segment(processor.segmentation.task);
    state.gdt = {processor.segmentation.gdt_base, static_cast<uint32_t>(processor.segmentation.gdt_limit)};
    state.idt = {processor.segmentation.idt_base, static_cast<uint32_t>(processor.segmentation.idt_limit)};
    state.cr0 = processor.control.cr0;
    state.cr2 = processor.control.cr2;
    state.cr3 = processor.control.cr3;
    state.cr4 = processor.control.cr4;
    state.efer = processor.msr.efer;
    state.star = processor.msr.star;
    state.lstar = processor.msr.lstar;
    state.cstar = processor.msr.cstar;
    state.fmask = processor.msr.fmask;
    state.kernel_gs_base = processor.msr.kernel_gs_base;
    state.sysenter_cs = processor.msr.sysenter_cs;
    state.sysenter_esp = processor.msr.sysenter_esp;
    state.sysenter_eip = processor.msr.sysenter_eip;
    state.tsc_aux = processor.msr.tsc_aux;
    state.system_management = processor.control.hflags_smm != 0;
    return state;
}

trace::CpuState whole_cpu_state() {
    GlueProcessor processor;
    glue_processor(&processor);
    trace::FloatingState floating;
    floating.control = static_cast<uint16_t>(processor.x87.control);
    floating.status = static_cast<uint16_t>(processor.x87.status);
    floating.top = static_cast<uint8_t>(processor.x87.top & 7);
    floating.empty = 0;
    for (size_t i = 0; i < floating.registers.size(); i++) {
        floating.empty |= static_cast<uint8_t>((processor.x87.tags[i] & 1) << i);
        std::memcpy(floating.registers[i].data(), processor.x87.registers[i], floating.registers[i].size());
    }
    floating.mxcsr = static_cast<uint32_t>(processor.vector.mxcsr);
    floating.xcr0 = processor.control.xcr0;
    floating.pkru = static_cast<uint32_t>(processor.msr.pkru);
    for (size_t i = 0; i < floating.vectors.size(); i++)
        std::memcpy(floating.vectors[i].data(), processor.vector.registers[i], floating.vectors[i].size());
    trace::CpuState state = cpu_state();
    state.floating = std::make_shared<const trace::FloatingState>(floating);
    return state;
}

trace::FollowedValues followed_values() {
    trace::FollowedValues values;
    glue_trace_registers(values.data());
    return values;
}

trace::InterruptSource source_of(uint64_t request) {
    switch (request) {
        case recording_interrupt_hard:
            return trace::InterruptSource::hardware;
        case recording_interrupt_smi:
            return trace::InterruptSource::smi;
        case recording_interrupt_nmi:
            return trace::InterruptSource::nmi;
        case recording_interrupt_init:
            return trace::InterruptSource::init;
        default:
            return trace::InterruptSource::other;
    }
}

std::optional<trace::InputSource> input_source(recording::EntryKind kind) {
    switch (kind) {
        case recording::EntryKind::time_stamp:
            return trace::InputSource::time_stamp;
        case recording::EntryKind::msr_read:
            return trace::InputSource::msr;
        case recording::EntryKind::task_priority_read:
            return trace::InputSource::task_priority;
        case recording::EntryKind::random:
            return trace::InputSource::random;
        default:
            return std::nullopt;
    }
}

trace::ReturnGate return_gate(GlueGate gate) {
    switch (gate) {
        case glue_gate_syscall:
            return trace::ReturnGate::sysret;
        case glue_gate_sysenter:
            return trace::ReturnGate::sysexit;
        default:
            return trace::ReturnGate::iret;
    }
}

trace::BlockDefinition definition_of(const GlueTranslation& translation) {
    trace::BlockDefinition definition;
    definition.pc = translation.pc;
    definition.cs_base = translation.cs_base;
    definition.flags = translation.flags;
    definition.physical_pc = translation.physical_pc;
    definition.physical_second_page = translation.physical_second_page;
    definition.guest_size = static_cast<uint32_t>(translation.size);
    if (translation.code != nullptr) {
        const auto* code = static_cast<const std::byte*>(translation.code);
        definition.code.assign(code, code + translation.size);
    }
    definition.instruction_offsets.assign(translation.offsets,
                                          translation.offsets + translation.instructions);
    definition.operations.reserve(translation.operation_count);
    for (const GlueOperation& from : std::span(translation.operations, translation.operation_count)) {
        trace::MemoryOperation to;
        to.instruction = from.instruction;
        to.size = from.size;
        to.told = static_cast<trace::FollowedRegister>(from.register_number);
        to.store = from.store;
        to.conditional = from.conditional;
        to.base = from.base;
        to.narrow = from.narrow;
        to.delta = from.delta;
        to.constant_value = from.constant_value;
        to.constant = from.constant;
        definition.operations.push_back(to);
    }
    definition.changes.reserve(translation.change_count);
    for (const GlueRegisterChange& from : std::span(translation.changes, translation.change_count))
        definition.changes.push_back(
            {static_cast<trace::FollowedRegister>(from.register_number), from.narrow, from.base, from.delta});
    const auto* tcg = reinterpret_cast<const std::byte*>(translation.tcg);
    definition.tcg.assign(tcg, tcg + translation.tcg_size);
    return definition;
}

}  // namespace panda::engine
