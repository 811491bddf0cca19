#include "tests/unit/fake_glue.h"

#include <algorithm>
#include <cstring>

namespace panda::engine::test {
namespace {

using recording::EntryKind;

constexpr uint64_t interrupts_allowed = 0x200;
constexpr uint64_t frame_offset = 0x9e000;  // where an interrupt leaves its frame
constexpr uint64_t table_offset = 0x9f000;  // the "page tables": a byte counts the TLB entries made of a page

std::vector<GlueRange> usual_map() {
    return {{0, FakeMachine::device_address, 0, 0, 0},
            {0xc0000, FakeMachine::rom_size, 0, 1, 1},
            {0x100000, FakeMachine::ram_size - 0x100000, 0x100000, 0, 0}};
}

bool ends_block(uint8_t instruction) {
    return instruction != 0 && std::strchr("ptcrohx", instruction) != nullptr;
}

}  // namespace

FakeMachine* FakeMachine::current = nullptr;

FakeMachine::FakeMachine(unsigned block_limit) : block_limit_(block_limit) {
    current = this;
}

FakeMachine::FakeMachine(const std::string& program, unsigned block_limit) : FakeMachine(block_limit) {
    memory_ = {std::vector<uint8_t>(ram_size), std::vector<uint8_t>(rom_size)};
    names_ = {"toy.ram", "toy.rom"};
    std::ranges::copy(program, memory_[0].begin());
    memory_[0].back() = 1;
    for (uint64_t i = 0; i < rom_size; i += 100)
        memory_[1][i] = static_cast<uint8_t>(i);
    maps_ = {{0, usual_map()}, {1, {{0, ram_size, 0, 0, 0}}}};
    processor_.control.cr3 = program.size();
    processor_.control.a20 = 1;
    hidden_ = 12345;
    touch(0);
    touch(0x5000);
    description = {.type = "toy",
                   .processor = "toy-cpu",
                   .kernel_command_line = "console=toy",
                   .kernel = nullptr,
                   .initrd = nullptr,
                   .qemu_version = "10.0.0",
                   .memory = ram_size,
                   .processors = 1,
                   .one_thread = true,
                   .has_iothreads = false};
}

FakeMachine::~FakeMachine() {
    current = nullptr;
}

// ---- Recording ----

void FakeMachine::run(Devices& devices, uint64_t instructions) {
    running_ = true;
    const uint64_t target = executed_ + instructions;
    for (unsigned idle = 0; executed_ < target; idle = halted_ ? idle + 1 : 0) {
        if (idle > 10000)
            throw Error("the toy halts for ever");
        if (fault_pending_)
            take_exception();
        if (next_block_at_once_ || between_blocks_recording(devices))
            execute_block(&devices);
    }
}

// Returns whether the processor goes on.
bool FakeMachine::between_blocks_recording(Devices& devices) {
    devices.act(*this);
    run_deferred();
    if (halted_ && raised_.empty())
        return false;
    if (halted_ && recording_)
        recorder_->give(EntryKind::wake, 0);
    halted_ = false;
    if (!raised_.empty() && (processor_.flow.rflags & interrupts_allowed)) {
        const int vector = *raised_.begin();
        raised_.erase(raised_.begin());
        if (recording_)
            recorder_->give(EntryKind::interrupt, hard_interrupt, static_cast<uint64_t>(vector));
        deliver_interrupt(vector);
    }
    return true;
}

void FakeMachine::run_deferred() {
    for (const auto& [function, argument] : std::exchange(deferred_, {}))
        function(argument);
}

void FakeMachine::write_memory(uint32_t block, uint64_t offset, const std::vector<uint8_t>& data,
                               uint32_t device) {
    std::ranges::copy(data, memory_[block].begin() + static_cast<ptrdiff_t>(offset));
    if (recording_)
        recorder_->give(EntryKind::memory_write, block, offset, std::as_bytes(std::span(data)), device);
}

void FakeMachine::map_device_range(bool memory) {
    maps_[0] = usual_map();
    if (memory)
        maps_[0].insert(maps_[0].begin() + 1, {device_address, 0x20000, device_address, 0, 0});
    tlb_.clear();
    if (recording_)
        recorder_->give_map(0);
}

void FakeMachine::set_a20(bool enabled) {
    processor_.control.a20 = enabled;
    tlb_.clear();
    if (recording_)
        recorder_->give(EntryKind::a20, enabled);
}

void FakeMachine::reset() {
    if (recording_)
        recorder_->reset(true);
    const uint64_t program_size = processor_.control.cr3;
    processor_ = {};
    processor_.control.cr3 = program_size;
    processor_.control.a20 = 1;
    halted_ = false;
    hidden_ = 99;
    memory_[1][5000]++;
    memory_[0][0x8000] ^= 0x55;
    if (recording_)
        recorder_->reset(false);
}

void FakeMachine::debugger_writes_register(unsigned index, uint64_t value) {
    processor_.general[index] = value;
    if (recording_)
        recorder_->give_processor(EntryKind::processor_write);
}

void FakeMachine::device_writes_register(unsigned index, uint64_t value) {
    processor_.general[index] = value;
    if (recording_)
        recorder_->give(EntryKind::processor_write, index + 1, value);
}

// ---- Replay ----

void FakeMachine::start_tracing() {
    tracing_ = true;
    translations_.clear();
    tracer_->start();
    replayer_->observe(tracer_);
}

void FakeMachine::replay(Replayer& replayer, Tracer* tracer, uint64_t trace_from) {
    constexpr unsigned patience = 1000;
    replayer_ = &replayer;
    tracer_ = tracer;
    traced_ = tracer != nullptr ? tracer->columns() : GlueTraceColumns{};
    replayer.set_up();
    if (tracer != nullptr && trace_from == 0)
        start_tracing();
    recording::Position last;
    unsigned idle = 0;
    while (!replayer.ended()) {
        if (halted_ && !replayer.wake())
            continue;
        halted_ = false;
        while (!halted_) {
            if (fault_pending_)
                take_exception();
            if (between_blocks_replaying())
                break;
            if (tracer != nullptr && !tracing_ && glue_instr() >= trace_from)
                start_tracing();
            execute_block(nullptr);
            const recording::Position now = {glue_instr(), glue_exceptions()};
            idle = now == last ? idle + 1 : 0;
            last = now;
            if (idle > patience)
                throw Error("the replay hangs at instruction " + std::to_string(now.instr));
        }
    }
    if (tracer != nullptr)
        tracer->finish();
}

// Returns whether the processor must leave its loop.
bool FakeMachine::between_blocks_replaying() {
    if (next_block_at_once_)
        return false;
    if (budget_left() == 0 || exception_taken_) {
        exception_taken_ = false;
        replayer_->between_blocks();
        if (tracing_ && traced_.follows)
            tracer_->registers_changed();
    }
    if (requested_ == hard_interrupt && (processor_.flow.rflags & interrupts_allowed)) {
        requested_ = 0;
        deliver_interrupt(replayer_->vector());
    }
    return std::exchange(leave_, false);
}

// ---- The processor ----

unsigned FakeMachine::block_length() const {
    const uint64_t left = processor_.control.cr3 - processor_.flow.rip;
    const unsigned limit = next_block_ != 0 ? std::min(next_block_, block_limit_) : block_limit_;
    const auto most = static_cast<unsigned>(std::min<uint64_t>(left, limit));
    for (unsigned i = 0; i < most; i++) {
        if (ends_block(memory_[0][processor_.flow.rip + i]))
            return i + 1;
    }
    return most;
}

uint32_t FakeMachine::translate(unsigned length) {
    const uint64_t pc = processor_.flow.rip;
    const std::string key = std::to_string(pc) + " " + std::to_string(length);
    const auto [place, fresh] = translations_.try_emplace(key, 0);
    if (fresh) {
        std::vector<uint16_t> offsets;
        for (unsigned i = 0; i < length; i++)
            offsets.push_back(static_cast<uint16_t>(i));
        const std::vector<GlueOperation> operations = operations_of(pc, length);
        place->second = tracer_->translated({pc, 0, 0, pc, UINT64_MAX, &memory_[0][pc], length,
                                             offsets.data(), static_cast<int>(length), operations.data(),
                                             operations.size(), nullptr, 0, nullptr, 0});
    }
    return place->second;
}

std::vector<GlueOperation> FakeMachine::operations_of(uint64_t pc, unsigned length) const {
    std::vector<GlueOperation> operations;
    for (unsigned i = 0; i < length && traced_.memory; i++) {
        const uint8_t instruction = memory_[0][pc + i];
        if (instruction != 'm' && instruction != 'l' && instruction != 's')
            continue;
        GlueOperation operation{};
        operation.instruction = static_cast<uint16_t>(i);
        operation.base = trace::base_none;
        operation.size = 1;
        operation.store = instruction == 's';
        operations.push_back(operation);
    }
    return operations;
}

// Does what translated code does: takes room for the whole record, then looks whether there is room for
// another one.
void FakeMachine::append_record(uint32_t id, unsigned length) {
    unsigned words = 0;
    for (const GlueOperation& operation : operations_of(processor_.flow.rip, length))
        words += trace::address_words(operation.base) +
                 (traced_.values ? trace::stored_words(operation.store, false, operation.size) : 0);
    const uint32_t head = trace::record_head(id, words);
    std::memcpy(ring_, &head, sizeof(head));
    ring_ =
        static_cast<std::byte*>(ring_) + trace::record_head_bytes(traced_.memory) + sizeof(uint64_t) * words;
    if (reinterpret_cast<uintptr_t>(ring_) & glue_trace_ring_bytes)
        tracer_->ring_full(id);
    words_ = static_cast<uint64_t*>(ring_) - words;
    std::fill_n(words_, words, trace::address_not_run);
}

void FakeMachine::execute_block(Devices* devices) {
    const unsigned length = block_length();
    if (counting_ && low_ < length) {
        if (replayer_ != nullptr) {
            refill(length);
        } else {
            glue_grant(glue_counter_limit);
            recorder_->budget();
        }
        return;
    }
    next_block_ = 0;
    next_block_at_once_ = false;
    low_ -= counting_ ? length : 0;
    if (tracing_) {
        append_record(translate(length), length);
    }
    for (unsigned i = 0; i < length; i++) {
        const auto at = static_cast<uint32_t>(processor_.flow.rip);
        const Outcome outcome = step(devices, i + 1 == length);
        if (outcome != Outcome::done) {
            give_back(length - i);
            fault_pending_ = outcome == Outcome::fault;
            next_block_at_once_ = outcome == Outcome::needs_block_of_its_own;
            next_block_ = next_block_at_once_ ? 1 : 0;
            return;
        }
        executed_++;
        if (counting_)
            path_.push_back(at);
    }
}

// Does what QEMU's cpu_restore_state_from_tb() does.
void FakeMachine::give_back(unsigned instructions) {
    if (tracing_)
        tracer_->abandoned(static_cast<int>(instructions));
    low_ += counting_ ? instructions : 0;
}

// Executes the instruction at the instruction pointer, or does nothing at all. last: of its block.
FakeMachine::Outcome FakeMachine::step(Devices* devices, bool last) {
    uint64_t& rip = processor_.flow.rip;
    auto& general = processor_.general;
    const uint8_t instruction = memory_[0][rip];
    const unsigned size = 1U << (rip % 3);
    switch (instruction) {
        case 'p':
            mix(input(devices, EntryKind::port_read, size));
            break;
        case 't':
            mix(input(devices, EntryKind::time_stamp, 8));
            break;
        case 'c':
        case 'r': {
            uint64_t more = 0;
            mix(input(devices, instruction == 'c' ? EntryKind::cpuid : EntryKind::random, 16, &more));
            mix(more);
            break;
        }
        case 'o':
            output(devices, static_cast<uint8_t>('a' + general[0] % 26));
            break;
        case 'm':
        case 'l':
        case 's': {
            const bool write = instruction == 's';
            const uint64_t address =
                instruction == 'm' ? device_address + general[1] % 0x20000 : general[1] % ram_size;
            const uint64_t stored = general[2];
            bool device = false;
            uint8_t* place = locate(address, write, &device);
            if (device && !last)
                return Outcome::needs_block_of_its_own;
            touch(address);
            if (write && device)
                output(devices, static_cast<uint8_t>(general[2]));
            else if (write && place != nullptr)
                *place = static_cast<uint8_t>(general[2]);
            else if (!write)
                mix(device ? input(devices, EntryKind::mmio_read, 4, nullptr, address) : *place);
            if (tracing_ && traced_.memory) {
                *words_++ = address;
                if (write && traced_.values)
                    *words_++ = stored;
            }
            break;
        }
        case 'f':
        case 'F':
            if (processor_.control.cr2 < (instruction == 'f' ? 1 : 2))
                return Outcome::fault;
            processor_.control.cr2 = 0;
            break;
        case 'i':
            processor_.flow.rflags |= interrupts_allowed;
            break;
        case 'h':
            halted_ = (processor_.flow.rflags & interrupts_allowed) != 0;
            break;
        case 'x':
            processor_.control.cr4++;
            break;
        default:
            mix(instruction);
    }
    rip = (rip + 1) % processor_.control.cr3;
    if (instruction == 'x' && tracing_)
        tracer_->control_changed();
    return Outcome::done;
}

void FakeMachine::mix(uint64_t value) {
    auto& general = processor_.general;
    uint64_t hash = (general[0] ^ value ^ hidden_) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 29;
    general[2] = general[1];
    general[1] = general[0] + hash;
    general[0] = hash;
}

uint64_t FakeMachine::input(Devices* devices, EntryKind kind, unsigned size, uint64_t* value2,
                            uint64_t address) {
    if (replayer_ != nullptr)
        return replayer_->take(kind, size, address, value2);
    const uint64_t value = devices->read(*this, kind, size);
    const uint64_t more = devices->read2(*this, kind);
    if (value2 != nullptr)
        *value2 = more;
    const bool sized = kind == EntryKind::mmio_read || kind == EntryKind::port_read;
    if (recording_)
        recorder_->give(kind, value, sized ? size : more);
    return value;
}

void FakeMachine::output(Devices* devices, uint8_t byte) {
    if (tracing_)
        tracer_->port_write(0x3f8, 1, byte);
    if (replayer_ != nullptr)
        printed += static_cast<char>(byte);
    else
        devices->write(*this, byte);
}

uint64_t FakeMachine::a20(uint64_t address) const {
    return processor_.control.a20 == 0 ? address & ~uint64_t{0x100000} : address;
}

// Where the byte is; nullptr with *device set, or for a write to ROM.
uint8_t* FakeMachine::locate(uint64_t address, bool write, bool* device) {
    address = a20(address);
    for (const GlueRange& range : maps_[0]) {
        if (address >= range.address && address - range.address < range.size)
            return write && range.kind != recording_range_ram
                       ? nullptr
                       : &memory_[range.block][range.block_offset + address - range.address];
    }
    *device = true;
    return nullptr;
}

void FakeMachine::touch(uint64_t address) {
    const uint64_t page = address >> 12;
    if (!tlb_.insert(page).second)
        return;
    const uint64_t entry = table_offset + page % 512;
    memory_[0][entry]++;
    if (!tracing_)
        return;
    // Any number but 0 can stand for the instruction's position.
    const uintptr_t position = processor_.flow.rip + 1;
    uint32_t value;
    std::memcpy(&value, &memory_[0][entry & ~uint64_t{3}], sizeof(value));
    tracer_->table_written(entry & ~uint64_t{3}, value, position);
    tracer_->filled(address & ~uint64_t{0xfff}, a20(address) & ~uint64_t{0xfff}, 0, position);
}

void FakeMachine::deliver_interrupt(int vector) {
    processor_.flow.rflags &= ~interrupts_allowed;
    processor_.general[14]++;
    mix(static_cast<uint64_t>(vector));
    const uint64_t frame = frame_offset + processor_.general[14] % 4096;
    memory_[0][frame] = static_cast<uint8_t>(vector);
    if (tracing_) {
        tracer_->filled(frame & ~uint64_t{0xfff}, frame & ~uint64_t{0xfff}, 0, glue_between_blocks);
        tracer_->helper_access(frame, static_cast<uint8_t>(vector), 0, 1, true, glue_between_blocks);
    }
}

void FakeMachine::take_exception() {
    fault_pending_ = false;
    if (counting_)
        count_exception();
    exception_taken_ = true;
    if (tracing_)
        tracer_->exception(14, 2, processor_.control.cr2, false);
    processor_.control.cr2++;
    processor_.general[13]++;
    mix(0xfa017);
}

// ---- Counting ----

void FakeMachine::count_exception() {
    const uint64_t now = glue_instr();
    exceptions_ = (now == exception_instr_ ? exceptions_ : 0) + 1;
    exception_instr_ = now;
}

void FakeMachine::refill(unsigned block) {
    const uint64_t left = budget_left();
    low_ = static_cast<uint32_t>(std::min<uint64_t>(left, glue_counter_limit));
    extra_ = left - low_;
    if (left > 0 && left < block)
        next_block_ = static_cast<unsigned>(left);
}

}  // namespace panda::engine::test
