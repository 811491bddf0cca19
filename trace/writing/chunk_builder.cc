#include "trace/writing/chunk_builder.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/error.h"
#include "trace/coding/page_codec.h"
#include "trace/limits.h"

namespace panda::trace {
namespace {

constexpr size_t prefetch_bytes = 1024;  // ahead in the ring, whose bytes come from another processor's cache
constexpr size_t max_event_bytes = size_t{16} << 20;  // in a chunk's event column
constexpr size_t enough_register_bytes = size_t{16} << 20;

}  // namespace

ChunkBuilder::ChunkBuilder(const WriterOptions& options, std::function<void(ChunkWork)> sink)
    : options_(options), sink_(std::move(sink)) {
    options_.chunk_blocks = std::clamp(options_.chunk_blocks, 1u, max_chunk_blocks);
    if (options_.memory != MemoryColumns::none)
        memory_.emplace(options_.memory);
    if (options_.registers)
        registers_.emplace();
    open();
}

void ChunkBuilder::define_block(uint32_t instructions, std::span<const MemoryOperation> operations,
                                std::span<const RegisterChange> changes) {
    if (memory_)
        memory_->define(instructions, operations, changes);
    instruction_counts_.push_back(static_cast<uint16_t>(instructions));
    blocks_.define(definition_count());
}

void ChunkBuilder::undefined(uint32_t id) {
    throw Error("block " + std::to_string(id) + " is executed but not defined");
}

// ---- Where a chunk starts ----

void ChunkBuilder::begin_at(uint64_t instr) {
    instr_ = instr;
    chunk_.first_instr = instr;
}

void ChunkBuilder::open_with(const ChunkStart& start) {
    if (start.translations.size() > max_chunk_translations)
        throw Error("a chunk cannot open with so many translations");
    for (size_t i = 0; i < start.translations.size(); ++i) {
        check_translation(start.translations[i]);
        if (i > 0 && start.translations[i].page <= start.translations[i - 1].page)
            throw Error("the translations of a chunk must ascend");
    }
    chunk_.cpu = start.cpu;
    if (memory_)
        memory_->begin(start.translations, start.followed);
}

void ChunkBuilder::set_memory_maps(std::span<const uint32_t> maps) {
    current_maps_.assign(maps.begin(), maps.end());
    chunk_.first_memory_maps = current_maps_;
}

void ChunkBuilder::enter_address_space(uint64_t cr3) {
    address_space_ = cr3;
    auto& spaces = chunk_.address_spaces;
    if (std::find(spaces.begin(), spaces.end(), cr3) != spaces.end())
        return;
    if (spaces.size() == max_chunk_address_spaces)
        chunk_.address_spaces_complete = false;
    else
        spaces.push_back(cr3);
}

void ChunkBuilder::begin_in_address_space(uint64_t cr3) {
    chunk_.address_spaces.clear();
    enter_address_space(cr3);
}

void ChunkBuilder::open() {
    chunk_ = ChunkWork();
    chunk_.first_instr = instr_;
    chunk_.address_spaces = {address_space_};
    chunk_.first_memory_maps = current_maps_;
}

void ChunkBuilder::seal() {
    if (untouched())
        return;
    chunk_.instr_count = instr_ - chunk_.first_instr;
    chunk_.definition_count = definition_count();
    chunk_.block_count = blocks_.count();
    chunk_.blocks = blocks_.take();
    chunk_.event_count = events_.count();
    chunk_.events = events_.take();
    chunk_.memory = options_.memory;
    if (memory_)
        chunk_.more_columns = memory_->take();
    if (registers_)
        chunk_.more_columns.push_back(take_registers());
    sink_(std::exchange(chunk_, ChunkWork()));
    open();
}

RawColumn ChunkBuilder::take_registers() {
    const uint32_t count = registers_->count();
    if (count != chunk_.block_count)
        throw Error("a chunk of " + std::to_string(chunk_.block_count) + " executions got the registers of " +
                    std::to_string(count));
    return {schema::ColumnId::REGISTERS, schema::Coding::REGISTER_PREDICTIONS, count, registers_->take()};
}

void ChunkBuilder::seal_if_full() {
    if (blocks_.count() == options_.chunk_blocks || (memory_ && memory_->full()) ||
        (registers_ && registers_->size() >= enough_register_bytes))
        seal();
}

// ---- Executions ----

uint32_t ChunkBuilder::check_executed(uint32_t id, uint32_t executed) const {
    if (executed > instruction_count(id))
        throw Error("a block cannot execute more instructions than it has");
    return executed;
}

void ChunkBuilder::require_no_memory() const {
    if (memory_)
        throw Error("a trace with memory columns needs what each block did to memory");
}

void ChunkBuilder::append_blocks(std::span<const uint32_t> ids) {
    require_no_memory();
    while (!ids.empty()) {
        const size_t room = options_.chunk_blocks - blocks_.count();
        const auto part = ids.first(std::min(room, ids.size()));
        for (const uint32_t id : part)
            instr_ += instruction_count(id);
        blocks_.append(part);
        seal_if_full();
        ids = ids.subspan(part.size());
    }
}

void ChunkBuilder::add_execution(uint32_t id, uint32_t executed) {
    if (executed < instruction_count(id))
        chunk_.cuts.push_back({blocks_.count(), executed});
    blocks_.append({&id, 1});
    instr_ += executed;
    seal_if_full();
}

void ChunkBuilder::append_partial(uint32_t id, uint32_t executed) {
    require_no_memory();
    add_execution(id, check_executed(id, executed));
}

void ChunkBuilder::append(uint32_t id, const uint64_t* words) {
    const uint32_t instructions = instruction_count(id);
    if (memory_)
        memory_->append(id, words);
    add_execution(id, instructions);
}

void ChunkBuilder::append_cut(uint32_t id, uint32_t executed, const uint64_t* words) {
    if (check_executed(id, executed) == instruction_count(id)) {
        append(id, words);
        return;
    }
    if (memory_)
        memory_->append_cut(id, executed, words);
    add_execution(id, executed);
}

size_t ChunkBuilder::append_records(std::span<const std::byte> records, bool leave_last) {
    size_t done = 0;
    while (done < records.size()) {
        const auto rest = records.subspan(done);
        const size_t taken =
            memory_ ? append_group<true>(rest, leave_last) : append_group<false>(rest, leave_last);
        if (taken == 0)
            break;
        done += taken;
        seal_if_full();
    }
    return done;
}

// Finds the first records, at most `most` of them, and returns where they end.
template <bool with_memory>
const std::byte* ChunkBuilder::find_records(std::span<const std::byte> records, size_t most,
                                            Group& group) const {
    constexpr size_t head_bytes = record_head_bytes(with_memory);
    const std::byte* at = records.data();
    const std::byte* const end = at + records.size();
    const uint32_t known = definition_count();
    size_t count = 0;
    for (; count < most && at != end; ++count) {
        const auto left = static_cast<size_t>(end - at);
        uint32_t head = 0;
        if (left >= head_bytes)
            std::memcpy(&head, at, sizeof(head));
        const uint32_t id = record_id(head);
        if (id >= known)
            undefined(id);
        size_t bytes = head_bytes;
        if (with_memory) {
            const uint32_t words = head >> record_id_bits;
            bytes += sizeof(uint64_t) * (words == many_words ? memory_->words(id) : words);
            memory_->prefetch(id);
            // Records consist of 8-byte words, and the ring that they come from is aligned.
            group.words[count] = reinterpret_cast<const uint64_t*>(at + head_bytes);
        }
        if (left < bytes)
            throw Error("an execution's record is not whole");
        group.ids[count] = id;
        at += bytes;
        __builtin_prefetch(at + prefetch_bytes);
    }
    group.count = count;
    return at;
}

// Appends the first records, up to a group of them. Returns how many bytes these have: 0 if leave_last is set
// and only the last record is left.
template <bool with_memory>
size_t ChunkBuilder::append_group(std::span<const std::byte> records, bool leave_last) {
    Group group;
    const std::byte* end = find_records<with_memory>(
        records, std::min<size_t>(Group::most, options_.chunk_blocks - blocks_.count()), group);
    if (leave_last && end == records.data() + records.size()) {
        --group.count;
        end = with_memory
                  ? reinterpret_cast<const std::byte*>(group.words[group.count]) - record_head_bytes(true)
                  : end - record_head_bytes(false);
    }
    append_found(group);
    return static_cast<size_t>(end - records.data());
}

void ChunkBuilder::append_found(const Group& group) {
    const std::span ids(group.ids.data(), group.count);
    blocks_.append(ids);
    if (memory_) {
        instr_ += memory_->append(ids, {group.words.data(), group.count});
        return;
    }
    for (const uint32_t id : ids)
        instr_ += instruction_counts_[id];
}

// ---- Everything else that happens ----

void ChunkBuilder::inner(const InnerEvent& event) {
    if (memory_)
        memory_->inner(event);
}

void ChunkBuilder::event(const Event& event) {
    if (std::holds_alternative<Gap>(event.detail))
        throw Error("gaps have a call of their own");
    if (const auto* change = std::get_if<AddressSpaceChange>(&event.detail))
        enter_address_space(change->cr3);
    if (const auto* transfer = std::get_if<Transfer>(&event.detail); transfer != nullptr && memory_)
        memory_->transferred(transfer->block, transfer->offset, transfer->data.size());
    append_event(event, 0);
}

void ChunkBuilder::change_memory_map(uint32_t address_space, uint32_t number) {
    if (current_maps_.size() <= address_space)
        current_maps_.resize(address_space + 1);
    current_maps_[address_space] = number + 1;
    append_event({instr_, MemoryMapChange{number}}, 0);
}

void ChunkBuilder::skip(uint64_t instructions) {
    append_event({instr_, Gap{instructions}}, instructions);
}

// gap: how many instructions the event stands for; 0 for all but a gap.
void ChunkBuilder::append_event(const Event& event, uint64_t gap) {
    events_.append({blocks_.count(), static_cast<int64_t>(event.instr - instr_), event.detail});
    instr_ += gap;
    if (events_.count() == max_chunk_events || events_.size() >= max_event_bytes)
        seal();
}

}  // namespace panda::trace
