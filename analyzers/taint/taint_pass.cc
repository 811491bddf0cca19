#include "analyzers/taint/taint_pass.h"

#include <algorithm>

#include "common/error.h"

namespace panda::taint {

using trace::Access;
using trace::AccessKind;
using trace::BlockExecution;
using trace::Event;

namespace {

constexpr uint64_t privilege_mask = 3;  // HF_CPL_MASK of a block's flags

// Accesses with which the processor delivers an interrupt, before the block: descriptors are loaded, a frame is stored.
// They have no other mark than to be a helper's and first.
size_t delivery_length(std::span<const Access> accesses) {
    const auto of_block = [](const Access& access) {
        return access.kind == AccessKind::load || access.kind == AccessKind::store || access.instruction != 0;
    };
    return static_cast<size_t>(std::ranges::find_if(accesses, of_block) - accesses.begin());
}

bool touches_memory(const Access& access) {
    return access.kind != AccessKind::fill && access.kind != AccessKind::table_write;
}

}  // namespace

TaintPass::TaintPass(trace::TraceReader& reader, const EngineOptions& options, const SetLimits& limits)
    : reader_(reader),
      dialect_(trace::tcg::Dialect::of(reader.header(), reader.path())),
      options_(options),
      limits_(limits) {}

void TaintPass::on_start(const trace::MemoryFollower& memory, uint64_t instr) {
    memory_ = &memory;
    instr_ = instr;
    if (engine_ != nullptr) {
        // Nobody knows what the instructions did that the trace leaves out.
        ++gaps_;
        engine_->memory().clear();
        engine_->state().clear();
    } else {
        engine_ = std::make_unique<Engine>(dialect_, reader_.blocks(), reader_.path(), memory.flat().bytes(),
                                           options_, limits_);
        engine_->set_listener(listeners_.empty() ? nullptr : this);
    }
    places_.emplace(memory);
    stale_ = true;
}

void TaintPass::on_chunk() {
    places_->clear();
}

uint64_t TaintPass::asid() const {
    return guest_ == nullptr ? 0 : guest_->cpu().asid();
}

Where TaintPass::where(const TaintPlace& place) const {
    const trace::BlockView block = reader_.blocks()[place.block];
    const bool kernel = (block.flags & privilege_mask) != privilege_mask;
    const uint64_t offset = place.instruction < block.instruction_offsets.size()
                                ? block.instruction_offsets[place.instruction]
                                : 0;
    return {place.instr, block.pc + offset, kernel ? 0 : asid(), kernel};
}

std::optional<syscalls::Task> TaintPass::task() {
    return guest_ == nullptr ? std::nullopt : guest_->current_task();
}

// --- Bytes ---

uint64_t TaintPass::flat_physical(uint64_t address) const {
    const auto target = memory_->translations().physical_target(0, address, 1);
    return target.known && target.ram ? memory_->flat().layout().flat(target.block, target.offset)
                                      : Reach::nowhere;
}

uint64_t TaintPass::flat(uint64_t address) const {
    const auto physical = guest_ == nullptr ? std::nullopt : guest_->physical(address);
    return physical ? flat_physical(*physical) : Reach::nowhere;
}

bool TaintPass::set_byte(uint64_t address, Tag tag) {
    const uint64_t place = flat(address);
    if (place == Reach::nowhere)
        return false;
    engine_->memory().set(place, byte_taint(tag, 0xff));
    return true;
}

ByteTaint TaintPass::get_byte(uint64_t address) const {
    const uint64_t place = flat(address);
    return place == Reach::nowhere ? 0 : engine_->memory().get(place);
}

// --- Executions ---

void TaintPass::run_due(uint64_t before) {
    while (!due_.empty() && due_.begin()->first < before) {
        instr_ = std::max(instr_, due_.begin()->first);
        const auto function = std::move(due_.begin()->second);
        due_.erase(due_.begin());
        function();
    }
}

void TaintPass::on_block(const BlockExecution& block) {
    instr_ = block.instr;
    split_ = 0;
    done_ = 0;
    first_piece_ = true;
    run_due(block.instr + 1);
    if (!engine_->any()) [[likely]]
        return;
    instructions_ += block.executed;
    engine_->tidy([this](const auto& mark) {
        for (const Roots& roots : roots_)
            roots(mark);
    });
}

void TaintPass::take_fills(std::span<const Access> accesses) {
    for (const Access& access : accesses) {
        if (access.kind != AccessKind::fill) [[likely]]
            continue;
        const trace::Translation translation = access.translation();
        const uint64_t flat = places_->fill(translation);
        for (const FillCallback& callback : fill_callbacks_)
            callback(translation.page, flat);
    }
}

void TaintPass::on_accesses(const BlockExecution& block, std::span<const Access> accesses) {
    const uint64_t end = split_ != 0 ? split_ : block.instr + block.executed;
    const bool last = split_ == 0;
    split_ = 0;
    for (const AccessCallback& callback : access_callbacks_)
        callback(block, accesses);
    if (!fill_callbacks_.empty())
        take_fills(accesses);
    while (!due_.empty() && due_.begin()->first < end) [[unlikely]] {
        const uint64_t instr = std::max(due_.begin()->first, block.instr);
        if (engine_->any())
            run_piece(block, static_cast<uint32_t>(instr - block.instr), false, accesses);
        run_due(instr + 1);
    }
    if (!engine_->any()) [[likely]] {
        stale_ = true;
        delivered_ = false;
        done_ = static_cast<uint32_t>(end - block.instr);
        return;
    }
    run_piece(block, static_cast<uint32_t>(end - block.instr), last, accesses);
}

// Whether the block may touch anything tainted.
bool TaintPass::may_matter(const BlockExecution& block, std::span<const Access> accesses) {
    if (!engine_->is_clean(block.id))
        return true;
    const ShadowMemory& memory = engine_->memory();
    if (!memory.any())
        return false;
    for (const Access& access : accesses) {
        if (!touches_memory(access))
            continue;
        const uint64_t page = places_->page(access.address);
        if (page != Reach::nowhere && memory.page_any(page))
            return true;
        if (access.address % trace::page_size + access.size > trace::page_size) {
            const uint64_t second = places_->page(access.address + access.size - 1);
            if (second != Reach::nowhere && memory.page_any(second))
                return true;
        }
    }
    return false;
}

// Runs instructions up to `to`, and takes their accesses off the list.
void TaintPass::run_piece(const BlockExecution& block, uint32_t to, bool last,
                          std::span<const Access>& accesses) {
    if (stale_) {
        engine_->forget_values();
        if (fill_callbacks_.empty())  // else every fill was taken, those of this piece too
            places_->clear();
        stale_ = false;
    }
    size_t count = accesses.size();
    if (!last)
        count = static_cast<size_t>(
            std::ranges::find_if(accesses, [to](const Access& access) { return access.instruction >= to; }) -
            accesses.begin());
    std::span<const Access> own = accesses.first(count);
    accesses = accesses.subspan(count);
    const bool has_delivery = delivered_ && done_ == 0;
    const auto is_fill = [](const Access& access) { return access.kind == AccessKind::fill; };
    const bool fills = std::ranges::any_of(own, is_fill);
    if (fills && fill_callbacks_.empty())
        take_fills(own);
    const bool begun = last && block.executed < reader_.blocks().instruction_count(block.id);
    const uint32_t from = done_;
    done_ = to;
    delivered_ = false;
    // An execution of which a piece was interpreted is interpreted to its end: its temporaries may be tainted.
    if (first_piece_ && !has_delivery && !may_matter(block, own)) {
        engine_->pass_by(block.id);
        return;
    }
    deliveries_.clear();
    reaches_.clear();
    const size_t delivery = has_delivery ? delivery_length(own) : 0;
    for (size_t i = 0; i < own.size(); ++i)
        if (touches_memory(own[i]))
            (i < delivery ? deliveries_ : reaches_).push_back(places_->reach(own[i]));
    interpreted_ += to - from;
    static_cast<void>(memory_->flat());  // puts in place what earlier executions stored: the engine reads it
    engine_->run({.block = block.id,
                  .instr = block.instr,
                  .from = from,
                  .to = to,
                  .begun = begun,
                  .first = first_piece_,
                  .reaches = reaches_,
                  .deliveries = deliveries_});
    first_piece_ = false;
}

// --- Events ---

void TaintPass::transfer(const trace::Transfer& transfer) {
    if (!engine_->memory().any())
        return;
    const trace::MemoryLayout& layout = memory_->flat().layout();
    if (transfer.block >= layout.block_count() || transfer.offset > layout.block_size(transfer.block) ||
        transfer.data.size() > layout.block_size(transfer.block) - transfer.offset)
        return;  // memory has counted it as lost
    const uint64_t begin = layout.flat(transfer.block, transfer.offset);
    for (uint64_t i = 0; i < transfer.data.size(); ++i)
        engine_->memory().set(begin + i, 0);
}

void TaintPass::on_event(const Event& event) {
    instr_ = event.instr;
    if (std::holds_alternative<trace::Interrupt>(event.detail) ||
        std::holds_alternative<trace::Exception>(event.detail)) {
        delivered_ = true;
        engine_->forget_values();
    } else if (const auto* moved = std::get_if<trace::Transfer>(&event.detail)) {
        transfer(*moved);
    } else if (std::holds_alternative<trace::MemoryMapChange>(event.detail)) {
        places_->clear();
    } else if (std::holds_alternative<trace::Reset>(event.detail)) {
        engine_->state().clear();
        engine_->forget_values();
    }
    for (const EventCallback& callback : event_callbacks_)
        callback(event);
}

void TaintPass::on_end(uint64_t instr) {
    run_due(instr + 1);
}

// --- What the engine tells ---

void TaintPass::on_branch(const TaintPlace& place, Tag tag) {
    for (TaintListener* listener : listeners_)
        listener->on_branch(place, tag);
}
void TaintPass::on_jump(const TaintPlace& place, Tag tag) {
    for (TaintListener* listener : listeners_)
        listener->on_jump(place, tag);
}
void TaintPass::on_pointer(const TaintPlace& place, const Access& access, Tag tag) {
    for (TaintListener* listener : listeners_)
        listener->on_pointer(place, access, tag);
}
bool TaintPass::wants_instructions() const {
    return std::ranges::any_of(listeners_,
                               [](const TaintListener* listener) { return listener->wants_instructions(); });
}
void TaintPass::on_instruction(const TaintPlace& place, Tag tag, bool changes) {
    for (TaintListener* listener : listeners_)
        listener->on_instruction(place, tag, changes);
}

}  // namespace panda::taint
