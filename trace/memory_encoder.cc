#include "trace/memory_encoder.h"

#include <algorithm>
#include <utility>

#include "common/error.h"
#include "trace/page_codec.h"

namespace panda::trace {
namespace {

// Of a chunk's streams, before compression: far below what a message may hold, and far above what a chunk of
// a million blocks usually has.
constexpr size_t enough = size_t{16} << 20;

// Whether an operation is a store whose address follows from that of `base`, or is it. Operations that are
// not derived have no base: MemoryOperation::none, which is no index.
bool stores_by(std::span<const PlannedOperation> operations, size_t base, size_t number) {
    return operations[number].store && (number == base || operations[number].base == base);
}

}  // namespace

void MemoryEncoder::define(std::span<const MemoryOperation> operations) {
    plans_.append(operations, with_values_);
    states_.grow(plans_);
    if (!with_values_)
        define_stores(plans_[plans_.size() - 1]);
}

// Which stores follow from each address word. Quadratic, but blocks are short.
void MemoryEncoder::define_stores(const BlockPlan& block) {
    const std::span operations(plans_.operations(block), block.operations);
    for (size_t i = 0; i < operations.size(); ++i) {
        if (operations[i].derived)
            continue;
        constexpr int64_t far = int64_t{1} << 30;
        int64_t start = far, end = -far;
        bool scattered = false;
        for (size_t j = i; j < operations.size(); ++j) {
            if (!stores_by(operations, i, j))
                continue;
            const PlannedOperation& other = operations[j];
            const int64_t delta = j == i ? 0 : std::clamp(other.delta, -far, far);
            scattered = scattered || other.narrow || delta == -far || delta == far;
            start = std::min(start, delta);
            end = std::max(end, delta + other.size);
        }
        StoreSpan& span = store_spans_.emplace_back();
        if (start > end)
            continue;
        span.start = static_cast<int32_t>(start);
        span.bytes = scattered || end - start > static_cast<int64_t>(page_size)
                         ? StoreSpan::scattered
                         : static_cast<uint16_t>(end - start);
    }
}

void MemoryEncoder::append_plain(const BlockPlan& block, const uint64_t* words) {
    const PlannedOperation* operations = plans_.operations(block);
    Walk walk = this->walk(block, words);
    for (uint32_t i = 0; i < block.operations; ++i)
        code<true>(operations[i], i, walk);
    address_count_ += block.addresses;
    value_count_ += block.values;
}

// Derived addresses matter for the pages that they store to, and for nothing else.
void MemoryEncoder::append_addresses(const BlockPlan& block, const uint64_t* words) {
    AddressState* states = states_.addresses(block);
    const StoreSpan* spans = store_spans_.data() + block.first_address;
    for (uint32_t i = 0; i < block.addresses; ++i) {
        const uint64_t address = words[i];
        addresses_.encode(states[i], address);
        if (spans[i].bytes == StoreSpan::none)
            continue;
        if (spans[i].bytes == StoreSpan::scattered) [[unlikely]]
            note_stores(block, i, address);
        else
            pages_.stored(address + static_cast<uint64_t>(int64_t{spans[i].start}), spans[i].bytes);
    }
    address_count_ += block.addresses;
}

// Of the stores whose addresses follow from the block's address word `number`, one by one.
[[gnu::noinline]] void MemoryEncoder::note_stores(const BlockPlan& block, uint32_t number, uint64_t address) {
    const std::span operations(plans_.operations(block), block.operations);
    size_t base = 0;
    for (uint32_t word = 0; operations[base].derived || word++ != number; ++base) {
    }
    for (size_t i = base; i < operations.size(); ++i)
        if (stores_by(operations, base, i))
            pages_.stored(i == base ? address : operations[i].derive(address), operations[i].size);
}

template <bool with_values>
inline void MemoryEncoder::code(const PlannedOperation& operation, uint32_t number, Walk& walk) {
    uint64_t address = 0;
    if (operation.derived) {
        address = operation.derive(current_[operation.base]);
    } else {
        address = *walk.words++;
        addresses_.encode(*walk.address++, address);
    }
    current_[number] = address;
    if (operation.store)
        code_store<with_values>(operation, address, walk);
    else if (with_values)
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

// Apart from the rest, which is to stay small.
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
    const BlockPlan& block = plans_[id];
    states_.enter(id, block);
    append_slowly(block, executed, words);
    shapes_.end_cut();
    ++position_;
}

// Executions of which something may be missing, or to which inner events belong.
void MemoryEncoder::append_slowly(const BlockPlan& block, uint32_t executed, const uint64_t* words) {
    const PlannedOperation* operations = plans_.operations(block);
    uint64_t* shape = states_.shapes(block);
    Walk walk = this->walk(block, words);
    size_t next_pending = 0;
    uint64_t mask = 0;
    uint32_t conditional = 0;  // number of the conditional operation
    for (uint32_t i = 0; i < block.operations; ++i) {
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
        } else if (operation.instruction > executed) {
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

// Codes what waits up to this place. next: the first that has not been coded.
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
    }
    inner_.append(position_, event, values_.predictor().cache());
}

void MemoryEncoder::inner(const InnerEvent& event) {
    check_inner_event(event);
    if (!pending_.empty() && event.place < pending_.back().place)
        throw Error("the inner events of a block must be in order");
    if (pending_.size() == max_pending)
        throw Error("a block has more inner events than it can");
    pending_.push_back(event);
}

bool MemoryEncoder::enough_bytes() const {
    return addresses_.size() + values_.size() + shapes_.size() + inner_.size() >= enough;
}

void MemoryEncoder::begin(std::span<const Translation> translations) {
    first_translations_.assign(translations.begin(), translations.end());
    carries_on_ = false;
    pages_.begin(translations);
}

// Before anything changes pages_.
void MemoryEncoder::settle_first_translations() {
    if (!std::exchange(carries_on_, false))
        return;
    if (pages_.translation_count() > max_chunk_translations)
        throw Error("more pages are translated than a chunk can open with");
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
    Bytes values = values_.take();  // also without values: it empties the cache that inner events use
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
    states_.reset();
    position_ = 0;
    address_count_ = value_count_ = 0;
    return columns;
}

}  // namespace panda::trace
