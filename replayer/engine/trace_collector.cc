#include "replayer/engine/trace_collector.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "common/error.h"
#include "replayer/engine/trace_glue.h"

namespace panda::engine {
namespace {

// Collectors take what the replay, which only one thread can do, leaves of the processors; it waits for them
// when they are too far behind. With equal shares of two processors, tracing blocks and addresses of a boot
// took a tenth longer.
constexpr int niceness = 10;

uint32_t id_of(const std::byte* record) {
    uint32_t head;
    std::memcpy(&head, record, sizeof(head));
    return trace::record_id(head);
}

// Records are 8-byte aligned in the ring, and nobody writes there while the collector reads.
uint64_t* words_of(std::byte* record) {
    return reinterpret_cast<uint64_t*>(record + trace::record_head_bytes(true));
}

}  // namespace

TraceCollector::TraceCollector(const trace::WriterOptions& options, const TraceFilter& filter,
                               BatchPool& pool)
    : memory_(options.memory),
      with_registers_(options.registers),
      filter_(filter),
      encoder_(options),
      chunk_(encoder_.builder()),
      pool_(pool) {
    thread_ = std::thread([this] { run(); });
}

TraceCollector::~TraceCollector() {
    full_.close();
    thread_.join();
}

void TraceCollector::run() {
    ::pthread_setname_np(::pthread_self(), "panda-collect");
    [[maybe_unused]] const int now = ::nice(niceness);  // Linux: of this thread. It may fail: no harm done
    while (auto batch = full_.pop()) {
        if (!failed_)
            take(**batch);
        pool_.give_back(std::move(*batch));
        --waiting_;
    }
}

void TraceCollector::take(Batch& batch) {
    try {
        for (auto& block : batch.blocks) {
            chunk_.define_block(block->instruction_count(), block->operations, block->changes);
            blocks_.push_back(std::move(block));
        }
        if (batch.begins)
            begin(std::move(*batch.begins));
        process(batch);
        if (batch.ends)
            encoded_.set_value(encoder_.finish());
    } catch (...) {
        failed_ = true;
        encoded_.set_exception(std::current_exception());
    }
}

void TraceCollector::begin(StretchBegin begin) {
    encoded_ = std::move(begin.encoded);
    address_space_ = begin.address_space;
    if (const auto& cpu = begin.start.chunk.cpu)
        address_space_bits_ = trace::page_table_bits(cpu->cr4, cpu->efer);
    encoder_.begin(begin.start);
}

uint32_t TraceCollector::record_bytes(uint32_t id) const {
    if (id >= blocks_.size())
        throw Error("the ring names a block that was not translated");
    return blocks_[id]->record_bytes;
}

// The records up to an aside that stand before the last one are whole; the last one may be the execution that
// the aside happened in.
void TraceCollector::process(Batch& batch) {
    std::byte* const ring = batch.ring.get();
    uint32_t position = 0;
    told_ = batch.block_registers;
    for (const Aside& aside : batch.asides) {
        position += static_cast<uint32_t>(append_all({ring + position, aside.offset - position}, true));
        const std::byte* current = position < aside.offset ? ring + position : nullptr;
        if (aside.kind == Aside::Kind::cut) {
            if (current == nullptr)
                throw Error("the tracer does not know the block that was left");
            append_cut(ring + position, aside.address);
            position = aside.offset;
        } else if (aside.when == Aside::When::inside) {
            handle(aside, batch, current);
        } else {
            if (current != nullptr)
                append(current);
            position = aside.offset;
            handle(aside, batch, nullptr);
        }
    }
    append_all({ring + position, batch.used - position}, false);
    flush_skipped();
    if (!told_.empty())
        throw Error("the tracer tells the registers of more blocks than it begins");
}

// leave_last: all but the last one. Returns the bytes appended.
size_t TraceCollector::append_all(std::span<const std::byte> records, bool leave_last) {
    size_t done = 0;
    while (done < records.size()) {
        if (filter_.everything() && inner_.empty() && !with_registers_)
            return done + chunk_.append_records(records.subspan(done), leave_last);
        const std::byte* record = records.data() + done;
        const uint32_t bytes = record_bytes(id_of(record));
        if (bytes > records.size() - done)
            throw Error("the ring's records do not end where something happened");
        if (leave_last && bytes == records.size() - done)
            break;
        append(record);
        done += bytes;
    }
    return done;
}

bool TraceCollector::wanted(uint32_t id) const {
    constexpr uint64_t privilege = 3;  // HF_CPL_MASK of QEMU's target/i386/cpu.h
    if (filter_.everything())
        return true;
    const bool user = (blocks_[id]->flags & privilege) == privilege;
    return (user ? filter_.user : filter_.kernel) &&
           (!filter_.address_space || ((*filter_.address_space ^ address_space_) & address_space_bits_) == 0);
}

// The registers of the next record.
void TraceCollector::take_registers() {
    if (!with_registers_)
        return;
    const uint64_t mask = told_.empty() ? 0 : told_.front();
    const auto count = static_cast<size_t>(std::popcount(mask));
    if (told_.size() <= count)
        throw Error("the tracer does not tell the registers of a block that it begins");
    size_t at = 1;
    for (uint64_t left = mask; left != 0; left &= left - 1)
        registers_[static_cast<size_t>(std::countr_zero(left))] = told_[at++];
    told_ = told_.subspan(at);
}

void TraceCollector::append(const std::byte* record) {
    last_ = id_of(record);
    take_registers();
    if (!wanted(last_)) {
        skipped_ += blocks_[last_]->instruction_count();
        return;
    }
    flush_skipped();
    if (!inner_.empty())
        flush_inner();
    chunk_.registers(last_, registers_);
    chunk_.append_records({record, record_bytes(last_)});
}

void TraceCollector::flush_skipped() {
    if (skipped_ != 0)
        chunk_.skip(std::exchange(skipped_, 0));
}

// A fill whose place does not matter stands first, so places do not ascend as they come.
void TraceCollector::flush_inner() {
    std::ranges::stable_sort(inner_, {}, &trace::InnerEvent::place);
    for (const trace::InnerEvent& event : inner_)
        chunk_.inner(event);
    inner_.clear();
}

void TraceCollector::append_cut(std::byte* record, uint64_t instructions_left) {
    const uint32_t id = last_ = id_of(record);
    const TracedBlock& block = *blocks_[id];
    const uint64_t instructions = block.instruction_count();
    if (instructions_left > instructions)
        throw Error("a block was left before its start");
    const auto executed = static_cast<uint32_t>(instructions - instructions_left);
    take_registers();
    if (!wanted(id)) {
        skipped_ += executed;
        return;
    }
    flush_skipped();
    if (memory_ == trace::MemoryColumns::none) {
        chunk_.registers(id, registers_);
        chunk_.append_partial(id, executed);
        return;
    }
    // A word that is written before the operation runs does not show that it ran.
    uint64_t* word = words_of(record);
    for (size_t i = 0; i < block.operations.size(); i++) {
        const trace::MemoryOperation& operation = block.operations[i];
        if (operation.instruction >= executed && operation.has_address_word() && block.before[i])
            *word = trace::MemoryOperation::not_run;
        word += operation.words(memory_ == trace::MemoryColumns::values);
    }
    flush_inner();
    chunk_.registers(id, registers_);
    chunk_.append_cut(id, executed, words_of(record));
}

trace::InnerEvent TraceCollector::inner_event(const Aside& aside, uint32_t id) const {
    trace::InnerEvent event;
    event.kind = aside.inner;
    event.size = aside.size;
    event.address = aside.address;
    event.value = aside.value;
    event.value_high = aside.value_high;
    if (aside.pc != glue_between_blocks && aside.when == Aside::When::inside) {
        const TracedBlock& block = *blocks_[id];
        const auto& offsets = block.instruction_offsets;
        const auto at = std::lower_bound(offsets.begin(), offsets.end(), aside.pc - block.pc);
        if (at == offsets.end() || *at != aside.pc - block.pc)
            throw Error("an access comes from an instruction that its block does not have");
        const auto index = static_cast<uint32_t>(at - offsets.begin());
        event.place = aside.inner == trace::InnerKind::fill || aside.inner == trace::InnerKind::table_write
                          ? trace::InnerEvent::before_instruction(index)
                          : trace::InnerEvent::after_instruction(index);
    }
    return event;
}

void TraceCollector::handle(const Aside& aside, Batch& batch, const std::byte* current) {
    if (aside.kind != Aside::Kind::check)
        flush_skipped();
    switch (aside.kind) {
        case Aside::Kind::inner:
            if (memory_ != trace::MemoryColumns::none && (current == nullptr || wanted(id_of(current)))) {
                const trace::InnerEvent event = inner_event(aside, current == nullptr ? 0 : id_of(current));
                if (current == nullptr)
                    chunk_.inner(event);
                else
                    inner_.push_back(event);
            }
            break;
        case Aside::Kind::event: {
            trace::Event& event = batch.events[aside.value];
            if (auto* call = std::get_if<trace::SystemCall>(&event.detail);
                call != nullptr && call->pc == 0) {
                const TracedBlock& block = *blocks_[last_];
                call->pc = block.pc + block.instruction_offsets.back();
            }
            if (std::holds_alternative<trace::AddressSpaceChange>(event.detail))
                address_space_ = aside.address;
            else if (const auto* mode = std::get_if<trace::ModeChange>(&event.detail))
                address_space_bits_ = trace::page_table_bits(mode->cr4, mode->efer);
            chunk_.event(event);
            break;
        }
        case Aside::Kind::memory_map:
            chunk_.change_memory_map(aside.size, static_cast<uint32_t>(aside.value));
            break;
        case Aside::Kind::check:
            if (chunk_.instr() + skipped_ != aside.address)
                throw Error("the tracer counts " + std::to_string(chunk_.instr() + skipped_) +
                            " instructions, the processor " + std::to_string(aside.address));
            break;
        case Aside::Kind::registers:
            for (unsigned i = 0; i < trace::followed_registers; ++i)
                chunk_.inner(trace::register_value(static_cast<trace::FollowedRegister>(i),
                                                   batch.registers[aside.value][i]));
            break;
        case Aside::Kind::check_registers:
            if (!chunk_.has_followed(batch.registers[aside.value]))
                throw Error("the tracer has lost the registers that it follows, before instruction " +
                            std::to_string(chunk_.instr()));
            break;
        case Aside::Kind::cut:
            break;
    }
}

}  // namespace panda::engine
