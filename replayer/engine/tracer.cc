#include "replayer/engine/tracer.h"

#include <algorithm>
#include <cstring>
#include <thread>

#include "common/error.h"
#include "replayer/engine/table_pair.h"
#include "replayer/engine/trace_values.h"
#include "trace/limits.h"

namespace panda::engine {
namespace {

// A stretch is a chunk of some hundred thousand blocks: at least 8 bytes a block bound it, about 27 are usual
// with memory. Registers take 50 beside the ring, so there are fewer rings then.
unsigned rings_per_stretch(const TraceOptions& options) {
    if (options.memory == trace::MemoryColumns::none)
        return options.registers ? 6 : 32;
    return options.registers ? 20 : 64;
}

// Their records may take this much of a batch's memory before it is handed over early, between two blocks.
constexpr size_t max_asides = 1 << 16;
constexpr uint64_t never = UINT64_MAX;
constexpr uint64_t page_mask = trace::page_size - 1;

// What a load from a device gets: QEMU collects it in big-endian order (accel/tcg/cputlb.c, int_ld_mmio_beN()).
uint64_t from_big_endian(uint64_t value, unsigned size) {
    return size == 0 || size > 8 ? value : __builtin_bswap64(value) >> (64 - 8 * size);
}

uint64_t masked(uint64_t value, unsigned size) {
    return size >= 8 ? value : value & ((uint64_t{1} << (8 * size)) - 1);
}

// Two share what the replay leaves of two processors; more help where there are more.
size_t collector_count() {
    return std::clamp<size_t>(std::thread::hardware_concurrency() - 1, 2, 4);
}

trace::WriterOptions writer_options(const TraceOptions& options) {
    trace::WriterOptions result;
    result.if_exists = options.if_exists;
    result.memory = options.memory;
    result.registers = options.registers;
    result.compression_level = options.compression_level;
    result.chunk_blocks = trace::max_chunk_blocks;
    return result;
}

std::string taken_text(char* text) {
    const std::unique_ptr<char, decltype(&std::free)> owned(text, std::free);
    return text;
}

trace::TraceHeader header_of(const recording::RecordingReader& recording, const TraceOptions& options) {
    trace::TraceHeader header = trace_header(recording);
    header.first_instr = options.first_instr;
    const char* columns[] = {"blocks", "memory", "full"};
    header.facts["trace-columns"] = columns[static_cast<size_t>(options.memory)];
    if (options.registers)
        header.facts["trace-columns"] += " registers";
    std::string filter = options.filter.user ? "" : "kernel";
    if (!options.filter.kernel)
        filter += "user";
    if (options.filter.address_space)
        filter += (filter.empty() ? "" : " ") + std::string("asid ") +
                  std::to_string(*options.filter.address_space);
    if (!filter.empty())
        header.facts["trace-filter"] = filter;
    if (options.memory != trace::MemoryColumns::none) {
        header.facts["tcg-operations"] = taken_text(glue_trace_tcg_operations());
        header.facts["tcg-host"] = taken_text(glue_trace_tcg_host());
        header.facts["tcg-globals"] = taken_text(glue_trace_tcg_globals());
    }
    return header;
}

uint64_t memory_bytes(const recording::RecordingReader& recording) {
    uint64_t bytes = 0;
    for (const auto& block : recording.blocks())
        bytes += block.size;
    return bytes;
}

}  // namespace

uint64_t default_snapshot_interval(trace::MemoryColumns memory, uint64_t memory_bytes) {
    constexpr uint64_t least = 64'000'000;
    constexpr uint64_t most = 500'000'000;
    return memory == trace::MemoryColumns::values ? std::clamp(memory_bytes / 16, least, most) : most;
}

Tracer::Tracer(const TraceOptions& options, const Replayer& replayer)
    : replayer_(replayer),
      options_(options),
      follows_(options.memory != trace::MemoryColumns::none && options.filter.everything()),
      writer_(options.file, header_of(replayer.recording(), options), writer_options(options)),
      // A stretch for each collector, and as much again for the one that is being written.
      pool_((collector_count() + 1) * rings_per_stretch(options)),
      batch_(pool_.take()),
      snapshot_interval_(options.snapshot_interval.value_or(
          default_snapshot_interval(options.memory, memory_bytes(replayer.recording())))),
      next_snapshot_(snapshot_interval_ == 0 ? never : options.first_instr + snapshot_interval_) {
    for (size_t i = 0; i < collector_count(); ++i)
        collectors_.push_back(
            {std::make_unique<TraceCollector>(writer_options(options), options.filter, pool_)});
}

void Tracer::start() {
    for (const auto& [address_space, map] : replayer_.memory_maps())
        writer_.enter_memory_map(trace_map(map));
    control_ = whole_cpu_state();
    writer_.snapshot(control_, memory_provider(), trace::SnapshotKind::full);
    *glue_trace_ring() = batch_->ring.get();
    begin_stretch(writer_.instr(), control_);
}

void Tracer::finish() {
    if (loose())
        tie_up();
    end_stretch(glue_instr());
    writer_.snapshot(whole_cpu_state(), memory_provider(), trace::SnapshotKind::changed);
    writer_.finish();
}

// ---- Handing over ----

uint32_t Tracer::offset() const {
    return static_cast<uint32_t>(static_cast<std::byte*>(*glue_trace_ring()) - batch_->ring.get());
}

Aside& Tracer::aside(Aside::When when, Aside::Kind kind) {
    if (when == Aside::When::between && batch_->asides.size() >= max_asides)
        hand_over();
    Aside& aside = batch_->asides.emplace_back();
    aside.offset = offset();
    aside.when = when;
    aside.kind = kind;
    return aside;
}

bool Tracer::loose() const {
    if (batch_->asides.empty())
        return false;
    const Aside& last = batch_->asides.back();
    return (last.kind == Aside::Kind::inner || last.kind == Aside::Kind::registers) &&
           last.when == Aside::When::between && last.offset == offset();
}

// The handler's first block, unless this was the first time ever that it is entered.
void Tracer::tie_up() {
    const trace::CpuState state = cpu_state();
    const uint64_t pc = state.segments[trace::cs].base + state.rip;
    const auto found =
        std::find_if(blocks_.rbegin(), blocks_.rend(), [&](const auto& block) { return block->pc == pc; });
    if (found == blocks_.rend())
        return;
    const auto id = static_cast<uint32_t>(blocks_.rend() - found - 1);
    put_record(id);
    if (options_.registers)
        block_registers(trace::block_registers_of(state));
    abandoned(static_cast<int>((*found)->instruction_count()));
}

void Tracer::hand_over() {
    Collector& collector = collectors_[collector_];
    batch_->used = offset();
    batch_->blocks.assign(blocks_.begin() + static_cast<ptrdiff_t>(collector.known_blocks), blocks_.end());
    collector.known_blocks = blocks_.size();
    collector.thread->put(std::move(batch_));
    ++rings_;
    batch_ = pool_.take();
    *glue_trace_ring() = batch_->ring.get();
}

void Tracer::begin_stretch(uint64_t instr, const trace::CpuState& cpu) {
    // The one that has the least to do; which one it is does not show in the trace.
    const auto idlest = std::ranges::min_element(
        collectors_, {}, [](const Collector& collector) { return collector.thread->waiting(); });
    collector_ = static_cast<size_t>(idlest - collectors_.begin());
    rings_ = 0;
    all_registers_ = true;
    StretchBegin& begin = batch_->begins.emplace();
    begin.address_space = address_space(cpu);
    begin.start = {instr, cpu.cr3, writer_.memory_maps(), {cpu, translations()}};
    if (follows_)
        begin.start.chunk.followed = followed_values();
    stretch_ = begin.encoded.get_future();
}

void Tracer::end_stretch(uint64_t instr) {
    aside(Aside::When::between, Aside::Kind::check).address = instr;
    batch_->ends = true;
    hand_over();
    writer_.append_stretch(std::move(stretch_), instr);
}

std::vector<trace::Translation> Tracer::translations() {
    std::vector<trace::Translation> translations;
    if (options_.memory == trace::MemoryColumns::none)
        return translations;
    glue_trace_tlb(
        [](void* context, uint64_t page, uint64_t frame, unsigned address_space) {
            static_cast<std::vector<trace::Translation>*>(context)->push_back(
                {page / trace::page_size, frame / trace::page_size, address_space});
        },
        &translations);
    const auto key = [](const trace::Translation& t) { return std::tuple(t.page, t.frame, t.address_space); };
    std::ranges::sort(translations, {}, key);
    const auto rest = std::ranges::unique(translations, {}, &trace::Translation::page);
    translations.erase(rest.begin(), rest.end());
    known_.clear();
    for (const trace::Translation& translation : translations)
        known_.learn(translation.page * trace::page_size,
                     translation.frame * trace::page_size | translation.address_space);
    return translations;
}

trace::MemoryProvider Tracer::memory_provider() const {
    return [this](uint32_t block) { return replayer_.block_bytes(block); };
}

// Called when a block has appended its record, and before it runs: all before it is done, and the processor's
// state is in memory, but for the program counter; the block's instructions are counted already.
void Tracer::ring_full(uint32_t id) {
    *glue_trace_ring() = static_cast<std::byte*>(*glue_trace_ring()) - blocks_[id]->record_bytes;
    make_room(id);
    put_record(id);
}

// Writes the record's head and words for which no operation has run, and moves the place behind them.
void Tracer::put_record(uint32_t id) {
    const TracedBlock& block = *blocks_[id];
    auto* place = static_cast<std::byte*>(*glue_trace_ring());
    const uint32_t head = trace::record_head(id, block.words);
    std::memset(place, static_cast<int>(trace::address_not_run & 0xff), block.record_bytes);
    std::memcpy(place, &head, sizeof(head));
    *glue_trace_ring() = place + block.record_bytes;
}

void Tracer::make_room(uint32_t id) {
    // What the processor has stored since the last block (an interrupt's frame) belongs to the next one, so a
    // stretch may not end between.
    const bool snapshot_due = glue_instr() >= next_snapshot_;
    if (loose() || (!snapshot_due && rings_ + 1 < rings_per_stretch(options_))) {
        hand_over();
        return;
    }
    const uint64_t instr = glue_instr() - blocks_[id]->instruction_count();
    trace::CpuState cpu = whole_cpu_state();
    cpu.rip = blocks_[id]->pc - cpu.segments[trace::cs].base;
    put_registers(Aside::Kind::check_registers);
    end_stretch(instr);
    if (snapshot_due) {
        writer_.snapshot(cpu, memory_provider(), trace::SnapshotKind::changed);
        next_snapshot_ = glue_instr() + snapshot_interval_;
    }
    begin_stretch(instr, cpu);
}

// ---- Code ----

uint32_t Tracer::translated(const GlueTranslation& translation) {
    trace::BlockDefinition definition = definition_of(translation);
    auto block = std::make_shared<TracedBlock>();
    block->pc = definition.pc;
    block->flags = definition.flags;
    block->instruction_offsets = definition.instruction_offsets;
    block->operations = definition.operations;
    block->changes = definition.changes;
    block->before.reserve(translation.operation_count);
    for (const GlueOperation& operation : std::span(translation.operations, translation.operation_count))
        block->before.push_back(operation.before);
    for (const auto& operation : definition.operations)
        block->words += operation.words(options_.memory == trace::MemoryColumns::values);
    block->record_bytes = trace::record_head_bytes(options_.memory != trace::MemoryColumns::none) +
                          static_cast<uint32_t>(sizeof(uint64_t)) * block->words;
    blocks_.push_back(std::move(block));
    return writer_.define_block_elsewhere(std::move(definition));
}

void Tracer::abandoned(int instructions_left) {
    aside(Aside::When::after, Aside::Kind::cut).address = static_cast<uint64_t>(instructions_left);
    registers_changed();  // back to what they were before the instruction that did not end
}

void Tracer::block_registers(const trace::BlockRegisters& values) {
    auto& told = batch_->block_registers;
    const size_t place = told.size();
    uint64_t mask = 0;
    told.push_back(mask);
    for (unsigned number = 0; number < values.size(); ++number) {
        if (values[number] == block_registers_[number] && !all_registers_)
            continue;
        mask |= uint64_t{1} << number;
        told.push_back(values[number]);
    }
    told[place] = mask;
    block_registers_ = values;
    all_registers_ = false;
}

void Tracer::registers_changed() {
    put_registers(Aside::Kind::registers);
}

void Tracer::put_registers(Aside::Kind kind) {
    if (!follows_)
        return;
    Aside& told = aside(Aside::When::between, kind);  // which may begin another batch
    told.value = batch_->registers.size();
    batch_->registers.push_back(followed_values());
}

// ---- Memory ----

void Tracer::helper_access(uint64_t address, uint64_t low, uint64_t high, unsigned size, bool store,
                           uintptr_t position) {
    if (options_.memory == trace::MemoryColumns::none)
        return;
    const bool between = position == glue_between_blocks;
    Aside& access = aside(between ? Aside::When::between : Aside::When::inside, Aside::Kind::inner);
    access.inner = store ? trace::InnerKind::helper_store : trace::InnerKind::helper_load;
    access.size = static_cast<uint8_t>(size);
    access.address = address;
    if (store) {
        access.value = masked(low, size);
        access.value_high = size == 16 ? high : 0;
    }
    access.pc = glue_trace_pc(position);
}

// A page that is new leads nowhere else before: its fill may stand at the start of the block. One that led
// elsewhere may have been used in the same block.
void Tracer::filled(uint64_t page, uint64_t frame, unsigned address_space, uintptr_t position) {
    if (options_.memory == trace::MemoryColumns::none)
        return;
    const uint64_t value = (frame & ~page_mask) | address_space;
    const KnownPages::News news = known_.learn(page, value);
    if (news == KnownPages::News::none)
        return;
    const bool between = position == glue_between_blocks;
    Aside& fill = aside(between ? Aside::When::between : Aside::When::inside, Aside::Kind::inner);
    fill.inner = trace::InnerKind::fill;
    fill.address = page;
    fill.value = value;
    fill.pc = news == KnownPages::News::page ? uint64_t{glue_between_blocks} : glue_trace_pc(position);
}

void Tracer::table_written(uint64_t address, uint32_t value, uintptr_t position) {
    if (options_.memory == trace::MemoryColumns::none)
        return;
    const bool between = position == glue_between_blocks;
    Aside& write = aside(between ? Aside::When::between : Aside::When::inside, Aside::Kind::inner);
    write.inner = trace::InnerKind::table_write;
    write.size = sizeof(value);
    write.address = address;
    write.value = value;
    write.pc = glue_trace_pc(position);
}

void Tracer::memory_written(uint32_t block, uint64_t offset, std::span<const uint8_t> data) {
    const auto bytes = std::as_bytes(data);
    const recording::Entry* entry = replayer_.writing();
    const uint32_t device = entry == nullptr ? 0 : entry->device;
    const trace::TransferSource source =
        entry == nullptr ? trace::TransferSource::processor : transfer_source(device, replayer_.recording());
    constexpr size_t piece = trace::max_event_data / 2;
    for (size_t done = 0; done < bytes.size(); done += piece) {
        const auto part = bytes.subspan(done, std::min(piece, bytes.size() - done));
        // A device that an instruction asks may write before it answers.
        const bool inside = replayer_.taking();
        event(inside ? Aside::When::inside : Aside::When::between, glue_instr() - (inside ? 1 : 0),
              trace::Transfer{block, offset + done, source, Bytes(part.begin(), part.end()), device});
    }
}

// ---- Events ----

void Tracer::event(Aside::When when, uint64_t instr, trace::EventDetail detail) {
    Aside& told = aside(when, Aside::Kind::event);  // which may begin another batch
    told.value = batch_->events.size();
    batch_->events.push_back({instr, std::move(detail)});
}

void Tracer::event_inside(trace::EventDetail detail) {
    event(Aside::When::inside, glue_instr() - 1, std::move(detail));
}

void Tracer::event_after(trace::EventDetail detail) {
    aside(Aside::When::after, Aside::Kind::check).address = glue_instr();
    event(Aside::When::after, glue_instr(), std::move(detail));
}

void Tracer::exception(int number, int error_code, uint64_t address, bool software) {
    constexpr int linux_gate = 0x80;
    const trace::CpuState state = cpu_state();
    control_changed(state);  // by a switch of tasks that ended in this exception
    const uint64_t pc = state.segments[trace::cs].base + state.rip;
    if (software && number == linux_gate) {
        const auto& r = state.general;
        event_after(trace::SystemCall{
            trace::CallGate::interrupt,
            r[trace::rax],
            {r[trace::rbx], r[trace::rcx], r[trace::rdx], r[trace::rsi], r[trace::rdi], r[trace::rbp]},
            r[trace::rsp],
            pc});
    }
    event_after(
        trace::Exception{static_cast<uint32_t>(number), static_cast<uint32_t>(error_code), address, pc});
}

uint64_t Tracer::address_space(const trace::CpuState& cpu) const {
    constexpr uint64_t pae = 1 << 5;
    const uint64_t bits = trace::page_table_bits(cpu.cr4, cpu.efer);
    if (!options_.filter.address_space || (cpu.cr4 & pae) == 0 ||
        ((*options_.filter.address_space ^ cpu.cr3) & bits) != table_pair_bit)
        return cpu.cr3;
    const auto even = replayer_.page_bytes(cpu.asid() & ~table_pair_bit);
    const auto odd = replayer_.page_bytes(cpu.asid() | table_pair_bit);
    const bool pair = !even.empty() && !odd.empty() && is_table_pair(even, odd, cpu.long_mode());
    return pair ? *options_.filter.address_space : cpu.cr3;
}

void Tracer::control_changed() {
    control_changed(cpu_state());
}

void Tracer::control_changed(const trace::CpuState& state) {
    if (state.cr3 != control_.cr3) {
        event_after(trace::AddressSpaceChange{state.cr3});
        batch_->asides.back().address = address_space(state);
    }
    if (state.cr0 != control_.cr0 || state.cr4 != control_.cr4 || state.efer != control_.efer ||
        state.system_management != control_.system_management)
        event_after(trace::ModeChange{state.cr0, state.cr4, state.efer, state.system_management});
    control_ = state;
}

void Tracer::system_call(GlueGate gate) {
    constexpr uint32_t long_code = 1u << 21;  // descriptor bit L
    const trace::CpuState state = cpu_state();
    const auto& r = state.general;
    trace::SystemCall call;
    call.number = r[trace::rax];
    call.stack_pointer = r[trace::rsp];
    if (gate == glue_gate_syscall && (state.segments[trace::cs].flags & long_code) != 0) {
        call.arguments = {r[trace::rdi], r[trace::rsi], r[trace::rdx],
                          r[trace::r10], r[trace::r8],  r[trace::r9]};
    } else {
        call.gate = gate == glue_gate_syscall ? trace::CallGate::syscall32 : trace::CallGate::sysenter;
        call.arguments = {r[trace::rbx], r[trace::rcx], r[trace::rdx],
                          r[trace::rsi], r[trace::rdi], r[trace::rbp]};
    }
    event_after(call);  // whose pc the collector knows
}

void Tracer::system_return(GlueGate gate) {
    const trace::CpuState state = cpu_state();
    event_after(trace::SystemReturn{return_gate(gate), state.general[trace::rax], state.general[trace::rsp],
                                    state.segments[trace::cs].base + state.rip});
}

void Tracer::port_write(unsigned port, unsigned size, uint32_t value) {
    event_inside(trace::PortAccess{port, size, true, masked(value, size)});
    for (uint32_t i = 0; i < std::size(serials_); i++) {
        const auto byte = size == 1 ? serials_[i].write(port, value) : std::nullopt;
        if (byte)
            event_inside(trace::SerialOutput{i, {static_cast<std::byte>(*byte)}});
    }
}

void Tracer::device_write(uint64_t address, unsigned size, uint64_t value) {
    event_inside(trace::DeviceAccess{address, size, true, masked(value, size)});
}

void Tracer::taken(recording::EntryKind kind, unsigned size, uint64_t address, uint64_t value,
                   uint64_t value2) {
    if (kind == recording::EntryKind::port_read) {
        event_inside(trace::PortAccess{static_cast<uint32_t>(address), size, false, masked(value, size)});
    } else if (kind == recording::EntryKind::mmio_read) {
        event_inside(trace::DeviceAccess{address, size, false, from_big_endian(value, size)});
    } else if (const auto source = input_source(kind)) {
        event_inside(trace::Input{*source, static_cast<uint32_t>(address), value});
    } else if (kind == recording::EntryKind::cpuid) {
        const trace::CpuState state = cpu_state();
        const auto& r = state.general;
        event_after(trace::Cpuid{
            {r[trace::rax], r[trace::rbx], r[trace::rcx], r[trace::rdx], r[trace::rdi], r[trace::rsi]},
            {value & UINT32_MAX, value >> 32, value2 & UINT32_MAX, value2 >> 32},
            state.segments[trace::cs].base + state.rip});
    }
}

void Tracer::memory_map(const trace::MemoryMap& map) {
    const auto number = writer_.enter_memory_map(map);
    if (!number)
        return;
    Aside& change = aside(Aside::When::between, Aside::Kind::memory_map);
    change.size = static_cast<uint8_t>(map.address_space);
    change.value = *number;
}

void Tracer::applying(const recording::Entry& entry) {
    switch (entry.kind) {
        case recording::EntryKind::interrupt:
            event_after(trace::Interrupt{static_cast<uint32_t>(entry.value2), source_of(entry.value)});
            break;
        case recording::EntryKind::memory_map:
            memory_map(trace_map(entry.map));
            break;
        case recording::EntryKind::reset:
            event_after(trace::Reset{});
            break;
        default:
            break;
    }
}

void Tracer::applied(const recording::Entry& entry) {
    if (entry.kind == recording::EntryKind::reset || entry.kind == recording::EntryKind::processor_write)
        control_changed();
}

// ---- The glue's side ----

namespace {

Tracer* traced;  // QEMU has one processor, and its callbacks carry no context
void (*report)(const std::exception& error);

// Callbacks are called by C: nothing may be thrown through it.
template <typename Body>
auto guarded(const Body& body) -> decltype(body()) {
    try {
        return body();
    } catch (const std::exception& error) {
        report(error);
        std::abort();
    }
}

constexpr GlueTracer callbacks = {
    .translated =
        [](const GlueTranslation* translation) {
            return guarded([&] { return traced->translated(*translation); });
        },
    .ring_full = [](uint32_t id) { guarded([&] { traced->ring_full(id); }); },
    .abandoned = [](int left) { guarded([&] { traced->abandoned(left); }); },
    .block_registers =
        [](const uint64_t* values) {
            guarded([&] {
                trace::BlockRegisters registers;
                std::copy_n(values, registers.size(), registers.begin());
                traced->block_registers(registers);
            });
        },
    .registers_changed = [] { guarded([] { traced->registers_changed(); }); },
    .helper_access =
        [](uint64_t address, uint64_t low, uint64_t high, unsigned size, bool store, uintptr_t position) {
            guarded([&] { traced->helper_access(address, low, high, size, store, position); });
        },
    .filled =
        [](uint64_t page, uint64_t frame, unsigned address_space, uintptr_t position) {
            guarded([&] { traced->filled(page, frame, address_space, position); });
        },
    .table_written =
        [](uint64_t address, uint32_t value, uintptr_t position) {
            guarded([&] { traced->table_written(address, value, position); });
        },
    .memory_written =
        [](uint32_t block, uint64_t offset, const uint8_t* data, uint64_t size) {
            guarded([&] { traced->memory_written(block, offset, {data, size}); });
        },
    .device_write = [](uint64_t address, unsigned size,
                       uint64_t value) { guarded([&] { traced->device_write(address, size, value); }); },
    .exception =
        [](int number, int error_code, uint64_t address, bool software) {
            guarded([&] { traced->exception(number, error_code, address, software); });
        },
    .control_changed = [] { guarded([] { traced->control_changed(); }); },
    .system_call = [](GlueGate gate) { guarded([&] { traced->system_call(gate); }); },
    .system_return = [](GlueGate gate) { guarded([&] { traced->system_return(gate); }); },
};

}  // namespace

const GlueTracer& tracer_callbacks(Tracer& tracer, void (*failed)(const std::exception& error)) {
    traced = &tracer;
    report = failed;
    return callbacks;
}

}  // namespace panda::engine
