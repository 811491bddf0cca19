#include "replayer/engine/replayer.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>

#include "recorder/engine/fingerprint.h"
#include "trace/types.h"

namespace panda::engine {
namespace {

using recording::Entry;
using recording::EntryKind;
using recording::Position;

// How often the processor, kicked by other threads, may come here without taking an input that stands at its
// very position. If there is an entry after that input, the processor gets no budget and would come here for
// ever.
constexpr unsigned patience = 100;
// How many exceptions a processor may take without an instruction in between. Three end in a triple fault, but
// interrupts may be among them.
constexpr unsigned most_exceptions = 1000;
// How often it may leave QEMU's loop where it was before. The main loop's threads kick it now and then; a processor
// that can go on, goes on.
constexpr unsigned most_idle_returns = 100'000;
constexpr uint64_t general_registers = std::size(GlueProcessor{}.general);
constexpr uint64_t forever = std::numeric_limits<uint64_t>::max();

bool synchronous(EntryKind kind) {
    return kind <= EntryKind::cpuid;
}

// What a device does before it answers the running instruction.
bool precedes_answer(const Entry& entry) {
    return entry.kind == EntryKind::memory_write ||
           (entry.kind == EntryKind::processor_write && entry.value != 0);
}

std::string describe(const Position& position) {
    return "instruction " + std::to_string(position.instr) +
           (position.exceptions != 0 ? " after exception " + std::to_string(position.exceptions) : "");
}

std::vector<GlueRange> glue_ranges(const recording::MemoryMap& map) {
    std::vector<GlueRange> ranges;
    for (const auto& range : map.ranges)
        ranges.push_back(
            {range.address, range.size, range.block_offset, range.block, static_cast<uint32_t>(range.kind)});
    return ranges;
}

struct Free {
    void operator()(uint8_t* data) const { std::free(data); }
};

}  // namespace

Replayer::Replayer(const std::string& file, std::optional<uint64_t> stop_at)
    : reader_(file), log_(reader_.log()), stop_at_(stop_at.value_or(forever)) {}

void Replayer::set_up() {
    for (const auto& block : reader_.blocks())
        blocks_.push_back({block.name.c_str(), block.size, nullptr});
    glue_make_blocks(blocks_.data(), blocks_.size());
    reader_.read_memory([this](uint32_t block, uint64_t offset, std::span<const std::byte> bytes) {
        std::memcpy(blocks_[block].host + offset, bytes.data(), bytes.size());
    });
    for (const auto& map : reader_.initial_maps())
        set_map(map);
    load_processor(reader_.processor());
    glue_count_start();
    glue_tlb_reset();
    read_ahead();
}

Position Replayer::position() const {
    const uint64_t executed = glue_instr();
    return {base_.instr + executed, glue_exceptions() + (executed == 0 ? base_.exceptions : 0)};
}

Bytes Replayer::start_over() {
    size_t size = 0;
    const std::unique_ptr<uint8_t, Free> saved(glue_processor_save(&size));
    const auto bytes = std::as_bytes(std::span(saved.get(), size));
    Bytes state(bytes.begin(), bytes.end());
    base_ = position();
    load_processor(state);
    glue_count_start();
    glue_tlb_reset();
    return state;
}

void Replayer::set_map(const recording::MemoryMap& map) {
    if (map.address_space >= glue_address_spaces())
        throw FileError(reader_.container().path(),
                        "a memory map of an address space that the machine lacks");
    const auto ranges = glue_ranges(map);
    glue_set_memory_map(static_cast<int>(map.address_space), ranges.data(), ranges.size());
    maps_.insert_or_assign(map.address_space, map);
}

void Replayer::load_processor(const Bytes& state) {
    if (const char* problem =
            glue_processor_load(reinterpret_cast<const uint8_t*>(state.data()), state.size()))
        throw FileError(reader_.container().path(), problem);
}

std::span<const std::byte> Replayer::page_bytes(uint64_t address) const {
    const auto map = maps_.find(0);
    if (map == maps_.end())
        return {};
    const uint64_t page = address & ~(trace::page_size - 1);
    for (const recording::MappedRange& range : map->second.ranges)
        if (page >= range.address && page - range.address + trace::page_size <= range.size)
            return block_bytes(range.block)
                .subspan(range.block_offset + (page - range.address), trace::page_size);
    return {};
}

uint64_t Replayer::last_instr() const {
    return std::min(reader_.last_position().instr, stop_at_);
}

void Replayer::read_ahead() {
    next_ = log_.peek();
    while (next_ != nullptr && synchronous(next_->kind)) {
        inputs_.push_back({next_->kind, next_->position, next_->value, next_->value2});
        pop();
        next_ = log_.peek();
    }
}

void Replayer::pop() {
    log_.pop();
    ++popped_;
}

void Replayer::done_with_next() {
    pop();
    read_ahead();
}

bool Replayer::due() const {
    return next_ != nullptr && next_->position == position();
}

uint64_t Replayer::take(EntryKind kind, unsigned size, uint64_t address, uint64_t* value2) {
    // A device may write to memory and registers before it answers. Such an entry stands before the answer.
    taking_ = true;
    while (inputs_.empty() && due() && precedes_answer(*next_)) {
        apply(*next_);
        done_with_next();
    }
    taking_ = false;
    if (inputs_.empty()) {
        if (next_ == nullptr && !reader_.complete()) {
            end(false);
            return 0;
        }
        diverged("the processor asks for " + recording::entry_kind_with_article(kind) + " at " +
                 describe(position()) + ", where the recording has none");
    }
    const Input input = inputs_.front();
    const bool sized = kind == EntryKind::mmio_read || kind == EntryKind::port_read;
    if (input.kind != kind || input.position != position() || (sized && input.value2 != size))
        diverged("the processor asks for " + recording::entry_kind_with_article(kind) + " at " +
                 describe(position()) + ", the recording has " + expected());
    if (value2 != nullptr)
        *value2 = input.value2;
    inputs_.pop_front();
    waits_ = 0;
    count_step();
    for (ReplayObserver* observer : observers_)
        observer->taken(kind, size, address, input.value, input.value2);
    return input.value;
}

bool Replayer::wake() {
    while (!ended_) {
        if (next_ == nullptr && inputs_.empty()) {
            end(false);
        } else if (!inputs_.empty() || !due() || next_->kind == EntryKind::interrupt) {
            diverged("the processor halts at " + describe(position()) + ", the recording has " + expected());
        } else if (next_->kind == EntryKind::wake) {
            done_with_next();
            grant();
            return true;
        } else {
            apply(*next_);
            done_with_next();
            if (!glue_halted()) {
                grant();
                return true;
            }
        }
    }
    return false;
}

bool Replayer::running() {
    if (ended_)
        return false;
    left_ = position() == left_at_ ? left_ + 1 : 0;
    left_at_ = position();
    if (left_ > most_idle_returns)
        diverged("the processor does not go on at " + describe(position()) +
                 (next_ == nullptr && inputs_.empty() ? "" : ", the recording has " + expected()));
    return true;
}

void Replayer::between_blocks() {
    if (ended_)
        return;
    if (glue_exceptions() > most_exceptions)
        diverged("the processor takes exception after exception at " + describe(position()));
    while (!ended_ && alarm_ && instr() >= *alarm_) {
        alarm_.reset();
        for (ReplayObserver* observer : observers_)
            observer->reached();
    }
    if (ended_)
        return;
    apply_due();
    if (!ended_ && instr() >= stop_at_)
        end(false);
    if (!ended_)
        grant();
}

void Replayer::apply_due() {
    // An interrupt is requested where the processor took it while recording, so it must be delivered first.
    if (requested_)
        diverged("the processor does not take the interrupt at " + describe(*requested_));
    while (!ended_) {
        if (next_ == nullptr && inputs_.empty()) {
            end(false);
            return;
        }
        // An input at this very position may still be asked for, when the processor fetches code from a
        // device.
        if ((inputs_.empty() ? next_->position : inputs_.front().position) < position())
            diverged("the processor is at " + describe(position()) + " and has not taken " + expected());
        if (!inputs_.empty() && inputs_.front().position == position() && ++waits_ > patience)
            diverged("the processor stays at " + describe(position()) + " and does not take " + expected());
        if (!inputs_.empty() || !due())
            return;
        const bool interrupt = next_->kind == EntryKind::interrupt;
        apply(*next_);
        done_with_next();
        // The interrupt is delivered first. Entries after it at the same position are applied when the
        // processor comes here again, because it gets no budget.
        if (interrupt)
            return;
    }
}

void Replayer::apply(const Entry& entry) {
    count_step();
    for (ReplayObserver* observer : observers_)
        observer->applying(entry);
    switch (entry.kind) {
        case EntryKind::interrupt:
            vector_ = static_cast<int>(entry.value2);
            if (vector_ >= 0)
                requested_ = entry.position;
            glue_request_interrupt(static_cast<int>(entry.value));
            break;
        case EntryKind::memory_write:
            if (entry.value >= blocks_.size() || entry.value2 > blocks_[entry.value].size ||
                entry.data.size() > blocks_[entry.value].size - entry.value2)
                throw FileError(reader_.container().path(), "a device's write lies outside of memory");
            writing_ = &entry;
            glue_write_block(static_cast<uint32_t>(entry.value), entry.value2,
                             reinterpret_cast<const uint8_t*>(entry.data.data()), entry.data.size());
            writing_ = nullptr;
            break;
        case EntryKind::memory_map:
            set_map(entry.map);
            break;
        case EntryKind::a20:
            glue_set_a20(entry.value != 0);
            break;
        case EntryKind::processor_write:
            if (entry.value != 0) {
                set_register(entry);
                break;
            }
            [[fallthrough]];
        case EntryKind::reset:
            load_processor(entry.data);
            glue_tlb_reset();
            break;
        case EntryKind::check:
            check(entry);
            break;
        case EntryKind::end:
            end(true);
            break;
        default:
            diverged(recording::entry_kind_with_article(entry.kind) + " does not belong at " +
                     describe(entry.position));
    }
    for (ReplayObserver* observer : observers_)
        observer->applied(entry);
}

void Replayer::set_register(const Entry& entry) {
    if (entry.value > general_registers)
        throw FileError(reader_.container().path(), describe(entry.position),
                        "a device writes to a register that the processor lacks");
    glue_set_register(static_cast<unsigned>(entry.value - 1), entry.value2);
}

void Replayer::check(const Entry& entry) {
    GlueProcessor processor;
    glue_processor(&processor);
    std::string difference;
    try {
        difference = Fingerprint::parse(entry.data).difference(Fingerprint::of(processor));
    } catch (const Error& error) {
        throw FileError(reader_.container().path(), describe(entry.position), error.what());
    }
    if (!difference.empty())
        diverged("the processor's state differs: " + difference);
    last_check_ = entry.position.instr;
    for (ReplayObserver* observer : observers_)
        observer->checked(last_check_);
}

// Lets the processor run up to the next asynchronous entry. If an exception comes before that entry, it runs
// into the instruction that raises the exception. If the recording was cut short, it runs up to the last
// input.
void Replayer::grant() {
    const uint64_t here = instr();
    uint64_t until = here;
    if (next_ != nullptr) {
        until = std::max(next_->position.instr, here);
        if (until == here && next_->position.exceptions > position().exceptions)
            until = here + 1;
    } else if (!inputs_.empty()) {
        until = std::max(inputs_.back().position.instr, here);
    }
    until = std::min(until, std::max(stop_at_, here));
    if (alarm_)
        until = std::min(until, std::max(*alarm_, here));
    glue_grant(until - here);
}

void Replayer::end(bool whole) {
    ended_ = true;
    // A file that was cut short after its log has the end entry, but no hashes to compare memory with.
    whole_ = whole && reader_.complete();
    glue_leave_loop();
}

void Replayer::check_memory() const {
    const auto& hashes = reader_.memory_hashes();
    size_t index = 0;
    for (const GlueBlock& block : blocks_) {
        uint64_t mebibyte = 0;
        for (const uint64_t hash : recording::hash_memory(std::as_bytes(std::span(block.host, block.size)))) {
            if (index >= hashes.size() || hash != hashes[index])
                diverged("memory differs at the end, in MiB " + std::to_string(mebibyte) + " of " +
                         block.name);
            index++;
            mebibyte++;
        }
    }
}

std::string Replayer::expected() const {
    const EntryKind kind = inputs_.empty() ? next_->kind : inputs_.front().kind;
    return recording::entry_kind_with_article(kind) + " at " +
           describe(inputs_.empty() ? next_->position : inputs_.front().position);
}

void Replayer::diverged(const std::string& what) const {
    throw Divergence("the replay diverges from the recording between instruction " +
                     std::to_string(last_check_) + " and " + std::to_string(instr()) + ": " + what);
}

}  // namespace panda::engine
