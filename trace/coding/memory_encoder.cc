#include "trace/coding/memory_encoder.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "common/error.h"
#include "trace/coding/page_codec.h"

namespace panda::trace {
namespace {

// Bytes of a chunk's streams, before compression. This is far below what a message may hold, and far above
// what a chunk of a million blocks usually has.
constexpr size_t enough = size_t{16} << 20;

// The index into Bases of what the operation's address is counted from; its own index if it is not derived.
uint16_t base_of(const PlannedOperation& operation, size_t number) {
    return operation.derived ? operation.base : static_cast<uint16_t>(Bases::first_operation + number);
}

}  // namespace

void MemoryEncoder::define(uint32_t instructions, std::span<const MemoryOperation> operations,
                           std::span<const RegisterChange> changes) {
    plans_.append(operations, changes, with_values_);
    Block& block = blocks_.emplace_back();
    block.plan = plans_[plans_.size() - 1];
    block.instructions = static_cast<uint16_t>(instructions);
    if (!with_values_)
        define_stores(block);
}

// Finds the stores whose addresses are counted from each base. Quadratic, but blocks are short.
void MemoryEncoder::define_stores(Block& block) {
    const std::span operations(plans_.operations(block.plan), block.plan.operations);
    std::vector<StoreSpan> spans;
    for (size_t i = 0; i < operations.size(); ++i) {
        const uint16_t base = base_of(operations[i], i);
        if (operations[i].is_store() && std::ranges::find(spans, base, &StoreSpan::base) == spans.end())
            spans.push_back(span_of(operations, base));
    }
    if (spans.empty())
        return;
    block.span = spans[0];
    block.first_more = static_cast<uint32_t>(store_spans_.size());
    block.more_spans = static_cast<uint16_t>(spans.size() - 1);
    store_spans_.insert(store_spans_.end(), spans.begin() + 1, spans.end());
}

// The span of the stores that are counted from this base; there must be at least one.
MemoryEncoder::StoreSpan MemoryEncoder::span_of(std::span<const PlannedOperation> operations, uint16_t base) {
    constexpr int64_t far = std::numeric_limits<int64_t>::max() - 16;
    int64_t start = far, end = -far;
    bool scattered = false;
    for (size_t i = 0; i < operations.size(); ++i) {
        if (!operations[i].is_store() || base_of(operations[i], i) != base)
            continue;
        const int64_t delta = std::min(operations[i].delta, far);
        scattered = scattered || operations[i].narrow || delta == far;
        start = std::min(start, delta);
        end = std::max(end, delta + operations[i].size);
    }
    const uint64_t bytes = static_cast<uint64_t>(end) - static_cast<uint64_t>(start);
    scattered = scattered || bytes > page_size;
    StoreSpan span{start, base, 0, scattered ? StoreSpan::scattered : static_cast<uint16_t>(bytes)};
    for (size_t i = 0; i + Bases::first_operation < base; ++i)
        span.word = static_cast<uint16_t>(span.word + (operations[i].derived ? 0 : 1));
    return span;
}

// Must be called before an execution of a block. Prepares the block's states at its first execution in a
// chunk.
inline void MemoryEncoder::enter(Block& block) {
    if (states_.has_entered(block.states)) [[likely]]
        return;
    if (block.plan.follows && !followed_)
        throw Error("a block follows registers, but the trace does not");
    states_.enter(block.states, block.plan, plans_.operations(block.plan));
}

template <bool with_values>
uint64_t MemoryEncoder::append_all(std::span<const uint32_t> ids, std::span<const uint64_t* const> words) {
    uint64_t instructions = 0;
    bool pending = !pending_.empty();
    for (size_t i = 0; i < ids.size(); ++i) {
        Block& block = blocks_[ids[i]];
        const BlockPlan& plan = block.plan;
        instructions += block.instructions;
        enter(block);
        if (plan.conditionals != 0 || pending) [[unlikely]] {
            append_slowly(block, whole, words[i]);
            pending = false;
        } else if (plan.operations == 0) {
            ;  // true of a third of the executions
        } else if (with_values) {
            append_plain(block, words[i]);
        } else {
            append_addresses(block, words[i]);
        }
        plans_.change_registers(plan, bases_);
        ++position_;
    }
    return instructions;
}

uint64_t MemoryEncoder::append(std::span<const uint32_t> ids, std::span<const uint64_t* const> words) {
    return with_values_ ? append_all<true>(ids, words) : append_all<false>(ids, words);
}

inline void MemoryEncoder::append_plain(const Block& block, const uint64_t* words) {
    const PlannedOperation* operations = states_.operations(block.states);
    Walk walk = this->walk(block, words);
    for (uint32_t i = 0; i < block.plan.operations; ++i)
        code<true>(operations[i], i, walk);
    address_count_ += block.plan.addresses;
    value_count_ += block.plan.values;
}

// Derived addresses matter only for the pages that they store to.
inline void MemoryEncoder::append_addresses(const Block& block, const uint64_t* words) {
    AddressState* states = states_.addresses(block.states, block.plan);
    for (uint32_t i = 0; i < block.plan.addresses; ++i)
        addresses_.encode(states[i], words[i]);
    address_count_ += block.plan.addresses;
    if (block.span.bytes != StoreSpan::none)
        note_span(block.plan, block.span, words);
    for (uint32_t i = 0; i < block.more_spans; ++i)
        note_span(block.plan, store_spans_[block.first_more + i], words);
    if (block.plan.changes != 0) [[unlikely]]
        keep_bases(block.plan, words);
}

inline void MemoryEncoder::note_span(const BlockPlan& block, const StoreSpan& span, const uint64_t* words) {
    const uint64_t base = span.base < Bases::first_operation ? bases_[span.base] : words[span.word];
    if (span.bytes == StoreSpan::scattered) [[unlikely]]
        note_stores(block, span, base);
    else
        pages_.stored(base + static_cast<uint64_t>(span.start), span.bytes);
}

// Notes the stores of a span one by one.
[[gnu::noinline]] void MemoryEncoder::note_stores(const BlockPlan& block, const StoreSpan& span,
                                                  uint64_t base) {
    const std::span operations(plans_.operations(block), block.operations);
    for (size_t i = 0; i < operations.size(); ++i)
        if (operations[i].is_store() && base_of(operations[i], i) == span.base)
            pages_.stored(operations[i].derive(base), operations[i].size);
}

// Keeps the words of the operations that followed registers may be counted from.
[[gnu::noinline]] void MemoryEncoder::keep_bases(const BlockPlan& block, const uint64_t* words) {
    const std::span operations(plans_.operations(block), block.operations);
    for (size_t i = 0; i < operations.size(); ++i)
        if (!operations[i].derived)
            bases_.operation(i) = *words++;
}

template <bool with_values>
inline void MemoryEncoder::code(const PlannedOperation& operation, uint32_t number, Walk& walk) {
    uint64_t address = 0;
    if (operation.derived) {
        address = operation.derive(bases_[operation.base]);
    } else {
        address = *walk.words++;
        addresses_.encode(*walk.address++, address);
    }
    bases_.operation(number) = address;
    if (operation.is_store())
        code_store<with_values>(operation, address, walk);
    else if (with_values && operation.is_access())
        values_.predictor().loaded(address);
}

template <bool with_values>
inline void MemoryEncoder::code_store(const PlannedOperation& operation, uint64_t address, Walk& walk) {
    pages_.stored(address, operation.size);
    if (!with_values)
        return;
    if (operation.constant_value) {
        values_.predictor().stored(address, operation.constant);
    } else if (operation.size == 16) {
        code_wide_value(address, walk);
    } else {
        values_.encode(*walk.value++, address, *walk.words++ & size_mask(operation.size), operation.size);
    }
}

// A function of its own, to keep the caller small.
[[gnu::noinline]] void MemoryEncoder::code_wide_value(uint64_t address, Walk& walk) {
    for (const uint64_t offset : {0u, 8u})
        values_.encode(*walk.value++, address + offset, *walk.words++, 8);
}

void MemoryEncoder::pass_over(const PlannedOperation& operation, Walk& walk) {
    const uint32_t values = operation.value_words();
    if (!operation.derived) {
        ++walk.words;
        ++walk.address;
    }
    walk.words += values;
    walk.value += values;
}

void MemoryEncoder::append_cut(uint32_t id, uint32_t executed, const uint64_t* words) {
    Block& block = blocks_[id];
    enter(block);
    append_slowly(block, executed, words);
    shapes_.end_cut();
    ++position_;
}

// Appends an execution in which operations may be missing, or to which inner events belong.
void MemoryEncoder::append_slowly(const Block& block, uint32_t executed, const uint64_t* words) {
    const PlannedOperation* operations = states_.operations(block.states);
    uint64_t* shape = states_.shapes(block.states, block.plan);
    Walk walk = this->walk(block, words);
    size_t next_pending = 0;
    uint64_t mask = 0;
    uint32_t conditional = 0;  // number of the conditional operation
    for (uint32_t i = 0; i < block.plan.operations; ++i) {
        const PlannedOperation& operation = operations[i];
        code_pending(next_pending, InnerEvent::before_instruction(operation.instruction));
        bool ran = true;
        if (executed == whole) {
            if (operation.conditional) {
                ran = *walk.words != MemoryOperation::not_run;
                mask |= uint64_t{ran} << (conditional % 64);
                if (++conditional % 64 == 0)
                    shapes_.encode(*shape++, std::exchange(mask, 0));
            }
        } else if (operation.is_beyond(executed)) {
            ran = false;
        } else if (operation.conditional || operation.instruction == executed) {
            ran = !operation.derived && *walk.words != MemoryOperation::not_run;
            if (!operation.derived)
                shapes_.put_cut_bit(ran);
        }
        if (!ran) {
            pass_over(operation, walk);
            continue;
        }
        address_count_ += operation.derived ? 0 : 1;
        if (with_values_) {
            value_count_ += operation.value_words();
            code<true>(operation, i, walk);
        } else {
            code<false>(operation, i, walk);
        }
    }
    if (executed == whole && conditional % 64 != 0)
        shapes_.encode(*shape, mask);
    code_pending(next_pending, ~uint32_t{0});
    pending_.clear();
}

// Codes the pending inner events up to this place. next: the first one that is not coded yet; moves on.
void MemoryEncoder::code_pending(size_t& next, uint32_t place) {
    for (; next < pending_.size() && pending_[next].place <= place; ++next)
        code_inner(pending_[next]);
}

void MemoryEncoder::code_inner(const InnerEvent& event) {
    switch (event.kind) {
        case InnerKind::fill:
            settle_first_translations();
            if (!pages_.fill(fill_translation(event.address, event.value)))
                return;
            break;
        case InnerKind::table_write:
            pages_.stored_physically({0, event.address >> 12});
            break;
        case InnerKind::helper_store:
            pages_.stored(event.address, event.size);
            break;
        case InnerKind::helper_load:
            break;
        case InnerKind::register_value:
            if (!follow(event))
                return;
            break;
    }
    inner_.append(position_, event, values_.cache());
}

void MemoryEncoder::inner(const InnerEvent& event) {
    check_inner_event(event);
    if (!pending_.empty() && event.place < pending_.back().place)
        throw Error("the inner events of a block must be in order");
    if (pending_.size() == max_pending)
        throw Error("a block cannot have so many inner events");
    pending_.push_back(event);
}

bool MemoryEncoder::enough_bytes() const {
    return addresses_.size() + values_.size() + shapes_.size() + inner_.size() >= enough;
}

void MemoryEncoder::begin(std::span<const Translation> translations,
                          const std::optional<FollowedValues>& followed) {
    first_translations_.assign(translations.begin(), translations.end());
    carries_on_ = false;
    pages_.begin(translations);
    followed_ = followed.has_value();
    if (followed_)
        std::ranges::copy(*followed, &bases_[Bases::first_register]);
    std::erase_if(pending_, [](const InnerEvent& event) { return event.kind == InnerKind::register_value; });
    tell_registers();
}

// Before the chunk's first execution: adds inner events with the values of the followed registers, which a
// reader knows from nowhere else.
void MemoryEncoder::tell_registers() {
    told_ = 0;
    if (!followed_)
        return;
    for (unsigned i = followed_registers; i-- > 0;)
        pending_.insert(pending_.begin(),
                        register_value(static_cast<FollowedRegister>(i), bases_[Bases::first_register + i]));
}

// Takes the value of a followed register. Returns whether a reader does not know it without the event.
bool MemoryEncoder::follow(const InnerEvent& event) {
    if (!followed_)
        return false;
    uint64_t& value = bases_[Bases::first_register + event.size];
    const unsigned mark = 1u << event.size;
    if ((told_ & mark) != 0 && value == event.value)
        return false;
    told_ |= mark;
    value = event.value;
    return true;
}

bool MemoryEncoder::has_followed(const FollowedValues& followed) const {
    for (unsigned i = 0; followed_ && i < followed_registers; ++i)
        if (bases_[Bases::first_register + i] != followed[i])
            return false;
    return true;
}

// Must be called before anything changes pages_: keeps the translations that the chunk opens with.
void MemoryEncoder::settle_first_translations() {
    if (!std::exchange(carries_on_, false))
        return;
    if (pages_.translation_count() > max_chunk_translations)
        throw Error("a chunk cannot open with so many translated pages");
    first_translations_ = pages_.translations();
}

std::vector<RawColumn> MemoryEncoder::take() {
    using schema::Coding;
    using schema::ColumnId;
    settle_first_translations();
    std::vector<RawColumn> columns;
    if (shapes_.size() > 0 || shapes_.masks() > 0)
        columns.push_back({ColumnId::SHAPES, Coding::SHAPE_LIST, shapes_.masks(), shapes_.take()});
    columns.push_back({ColumnId::ADDRESSES, Coding::ADDRESS_PREDICTIONS, address_count_, addresses_.take()});
    Bytes values =
        values_.take();  // also in a trace without values: it empties the cache that inner events use
    if (with_values_)
        columns.push_back({ColumnId::VALUES, Coding::VALUE_PREDICTIONS, value_count_, std::move(values)});
    if (inner_.count() > 0)
        columns.push_back({ColumnId::INNER, Coding::INNER_LIST, inner_.count(), inner_.take()});
    if (!first_translations_.empty())
        columns.push_back({ColumnId::TRANSLATIONS, Coding::TRANSLATION_LIST, first_translations_.size(),
                           encode_translations(first_translations_)});
    const WrittenPages written = pages_.take();
    columns.push_back({ColumnId::PAGES_WRITTEN, Coding::PAGE_LIST,
                       written.physical.size() + written.transferred.size(), encode_written_pages(written)});
    carries_on_ = true;
    if (states_.reset())
        for (Block& block : blocks_)
            block.states = {};
    position_ = 0;
    address_count_ = value_count_ = 0;
    tell_registers();
    return columns;
}

}  // namespace panda::trace
