#include "replayer/engine/tracer.h"

#include "common/error.h"

namespace panda::engine {
namespace {

trace::TraceHeader header_of(const recording::RecordingReader& recording) {
    trace::TraceHeader header;
    header.facts = recording.facts();
    header.architecture = recording.fact("architecture");
    for (const auto& block : recording.blocks())
        header.memory_blocks.push_back({block.name, block.size});
    return header;
}

trace::MemoryMap trace_map(const recording::MemoryMap& map) {
    trace::MemoryMap result;
    result.address_space = map.address_space;
    for (const auto& range : map.ranges)
        result.ranges.push_back({range.address, range.size, range.block_offset, range.block,
                                 static_cast<trace::RangeKind>(range.kind)});
    return result;
}

trace::Segment trace_segment(const GlueSegment& segment) {
    return {static_cast<uint32_t>(segment.selector), segment.base, static_cast<uint32_t>(segment.limit),
            static_cast<uint32_t>(segment.flags)};
}

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
    return state;
}

trace::InterruptSource source_of(uint64_t request) {
    // CPU_INTERRUPT_* of QEMU's target/i386/cpu.h and include/exec/cpu-all.h.
    switch (request) {
        case 0x0002:
            return trace::InterruptSource::hardware;
        case 0x0040:
            return trace::InterruptSource::smi;
        case 0x0200:
            return trace::InterruptSource::nmi;
        case 0x0400:
            return trace::InterruptSource::init;
        default:
            return trace::InterruptSource::other;
    }
}

}  // namespace

Tracer::Tracer(const std::string& file, IfExists if_exists, const Replayer& replayer)
    : replayer_(replayer),
      writer_(file, header_of(replayer.recording()), {.if_exists = if_exists}),
      ring_(static_cast<uint32_t*>(std::aligned_alloc(glue_ring_bytes(), glue_ring_bytes()))) {}

void Tracer::start() {
    for (const auto& map : replayer_.recording().initial_maps())
        writer_.memory_map(trace_map(map));
    snapshot();
    control_ = cpu_state();
    *glue_ring() = ring_.get();
    glue_set_tracing(true);
}

void Tracer::finish() {
    synchronize();
    snapshot();
    writer_.finish();
}

void Tracer::snapshot() {
    writer_.snapshot(
        cpu_state(), [this](uint32_t block) { return replayer_.block_bytes(block); },
        trace::SnapshotKind::full);
}

void Tracer::translated(const GlueTranslation& translation) {
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
    blocks_.resize(next_id_, Block{none, 0});
    blocks_[translation.id] = {writer_.define_block(definition),
                               static_cast<uint32_t>(translation.instructions)};
}

void Tracer::drain() {
    uint32_t*& position = *glue_ring();
    if (position == ring_.get())
        return;
    executed_.clear();
    if (last_ != none)
        executed_.push_back(blocks_[last_].trace_id);
    for (const uint32_t* id = ring_.get(); id + 1 < position; id++)
        executed_.push_back(blocks_[*id].trace_id);
    last_ = position[-1];
    position = ring_.get();
    writer_.append_blocks(executed_);
}

void Tracer::abandoned(int instructions_left) {
    drain();
    if (last_ == none)
        throw Error("the tracer does not know the block that was left");
    const Block& block = blocks_[last_];
    writer_.append_partial(block.trace_id, block.instructions - static_cast<uint32_t>(instructions_left));
    last_ = none;
}

void Tracer::synchronize() {
    drain();
    if (last_ != none)
        writer_.append_blocks({&blocks_[last_].trace_id, 1});
    last_ = none;
    if (writer_.instr() != glue_instr())
        throw Error("the tracer counts " + std::to_string(writer_.instr()) + " instructions, the processor " +
                    std::to_string(glue_instr()));
}

void Tracer::event(trace::EventDetail detail) {
    synchronize();
    writer_.event({glue_instr(), std::move(detail)});
}

void Tracer::exception(int number, int error_code, uint64_t address) {
    const trace::CpuState state = cpu_state();
    event(trace::Exception{static_cast<uint32_t>(number), static_cast<uint32_t>(error_code), address,
                           state.segments[trace::cs].base + state.rip});
}

void Tracer::control_changed() {
    const trace::CpuState state = cpu_state();
    if (state.cr3 != control_.cr3)
        event(trace::AddressSpaceChange{state.cr3});
    if (state.cr0 != control_.cr0 || state.cr4 != control_.cr4 || state.efer != control_.efer)
        event(trace::ModeChange{state.cr0, state.cr4, state.efer, false});
    control_ = state;
}

void Tracer::applying(const recording::Entry& entry) {
    if (entry.kind == recording::EntryKind::interrupt) {
        event(trace::Interrupt{static_cast<uint32_t>(entry.value2), source_of(entry.value)});
    } else if (entry.kind == recording::EntryKind::memory_map) {
        synchronize();
        writer_.memory_map(trace_map(entry.map));
    }
}

}  // namespace panda::engine
