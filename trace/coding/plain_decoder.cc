#include "trace/coding/plain_decoder.h"

#include <algorithm>
#include <cstring>

namespace panda::trace {
namespace {

using Columns = PlainDecoder::Columns;

// Looks among the accesses before one for what its value is predicted from. Calls must go forward through a
// group, so that all calls together go back through the group only once.
class LookBack {
  public:
    // earlier: what was before the group. accesses: those of the group; the constructor writes what was
    // before the group to the three accesses in front of them.
    LookBack(const ValuePredictor& earlier, Access* accesses)
        : load_(accesses - 2), load_before_(accesses - 3), known_(accesses) {
        accesses[-3] = {earlier.loads()[1], 0, 0, 0, 8, AccessKind::load};
        accesses[-2] = {earlier.loads()[0], 0, 0, 0, 8, AccessKind::load};
        accesses[-1] = {earlier.access(), earlier.stored(), 0, 0, 8, AccessKind::store};
    }
    // Tells the predictor what was before `access`.
    void tell(ValuePredictor& predictor, const Access* access) {
        find_loads(access);
        predictor.set({load_->address, load_before_->address}, access_before(access), stored_before(access));
    }

  private:
    void find_loads(const Access* access) {
        const Access* const end = known_;
        known_ = access;
        while (access != end && (--access)->is_store())
            ;
        if (access == end && (access == known_ || access->is_store()))
            return;  // there was no load since
        const Access* const last = access;
        while (access != end && (--access)->is_store())
            ;
        const bool both = access != last && !access->is_store();
        load_before_ = both ? access : load_;
        load_ = last;
    }
    // The second word of a wide store counts as an access of its own.
    static uint64_t access_before(const Access* access) {
        --access;
        return access->address + (access->is_store() && access->size > 8 ? 8 : 0);
    }
    static uint64_t stored_before(const Access* access) {
        do
            --access;
        while (!access->is_store());
        return access->size > 8 ? access->value_high : access->value;
    }

    const Access* load_;  // the last load before known_
    const Access* load_before_;
    const Access* known_;
};

// --- What happens rarely, apart from the loop ---

// Decodes the value of a store whose prediction is wrong, or comes from a candidate that depends on the
// accesses before, or of a store that has two value words. The decoder puts the value into the cache.
[[gnu::noinline]] void uncommon_value(ValueDecoder& values, LookBack& look_back, ValueState* states,
                                      Access* access) {
    look_back.tell(values.predictor(), access);
    access->value = values.decode(states[0], access->address, std::min<uint32_t>(access->size, 8));
    if (access->size > 8)
        access->value_high = values.decode(states[1], access->address + 8, 8);
}

// What changes with each access. It is small, so that a loop keeps it in registers all the time.
struct Cursor {
    uint64_t* next;  // where the next coded address goes, behind those before it
    uint64_t address_run;
    uint64_t value_run;
    AddressState* address_state;  // that of the next operation that has one
    ValueState* value_state;
};

// Decodes the address of an operation that has an address word.
[[gnu::always_inline]] inline uint64_t coded_address(const Columns& columns, Cursor& cursor) {
    AddressState& state = *cursor.address_state++;
    uint64_t address = 0;
    if (cursor.address_run != 0) [[likely]] {
        --cursor.address_run;
        const unsigned which = state.preferred;
        const uint64_t* const start = which == 0 ? &state.last : cursor.next - which;
        address = *start + static_cast<uint64_t>(int64_t{state.step[which]});
    } else {
        address = columns.addresses.decode_miss(state, cursor.next);
        cursor.address_run = columns.addresses.symbols().run();
    }
    state.step[0] = static_cast<int32_t>(address - state.last);
    state.last = address;
    *cursor.next++ = address;
    return address;
}

// Decodes the value of a store that has value words. cached: the entry of its address in the cache.
[[gnu::always_inline]] inline void coded_value(const Columns& columns, LookBack& look_back, uint64_t& cached,
                                               uint32_t size, Access* access, Cursor& cursor) {
    ValueState* const state = cursor.value_state++;
    const unsigned which = state->preferred;
    if (cursor.value_run != 0 && which < simple_candidates && size <= 8) [[likely]] {
        --cursor.value_run;
        const uint64_t start = which == 0 ? state->last : cached;
        const uint64_t value = (start + static_cast<uint64_t>(int64_t{state->step[which]})) & size_mask(size);
        ValuePredictor::confirm(*state, value);
        access->value = cached = value;
        return;
    }
    SymbolReader& symbols = columns.values.symbols();
    symbols.set_run(cursor.value_run);
    uncommon_value(columns.values, look_back, state, access);
    cursor.value_run = symbols.run();
    cursor.value_state += size > 8 ? 1 : 0;
}

// Fills an access, except for its address and its value. The other members are copied as one number.
[[gnu::always_inline]] inline void put_form(const PlannedOperation& operation, Access& access) {
    constexpr size_t size = sizeof(uint32_t);
    constexpr size_t from = offsetof(PlannedOperation, instruction), to = offsetof(Access, instruction);
    static_assert(offsetof(PlannedOperation, size) == from + 2 &&
                  offsetof(PlannedOperation, kind) == from + 3);
    static_assert(offsetof(Access, size) == to + 2 && offsetof(Access, kind) == to + 3);
    access.value_high = 0;
    std::memcpy(reinterpret_cast<std::byte*>(&access) + to,
                reinterpret_cast<const std::byte*>(&operation) + from, size);
}

// addresses: must have room for the recent addresses before a group, and for those of the group.
Cursor begin_group(const Columns& columns, std::vector<uint64_t>& addresses) {
    const auto recent = columns.addresses.history().in_order();
    uint64_t* const next = std::ranges::copy(recent, addresses.data()).out;
    return {next, columns.addresses.symbols().run(), columns.values.symbols().run(), nullptr, nullptr};
}

void end_group(const Columns& columns, const Cursor& cursor) {
    columns.addresses.symbols().set_run(cursor.address_run);
    columns.values.symbols().set_run(cursor.value_run);
    for (unsigned age = AddressHistory::size; age-- > 0;)
        columns.addresses.history().push(*(cursor.next - 1 - age));
}

}  // namespace

size_t PlainDecoder::decode(std::span<const uint32_t> ids, const Columns& columns, const Target& target) {
    ids = ids.first(std::min(ids.size(), group_size));
    return columns.with_values ? decode_group<true>(ids, columns, target)
                               : decode_group<false>(ids, columns, target);
}

template <bool with_values>
size_t PlainDecoder::decode_group(std::span<const uint32_t> ids, const Columns& columns,
                                  const Target& target) {
    const PlannedOperation* const operations = columns.plans.operations();
    const bool may_follow = columns.follows;
    DecoderBlock* const blocks = columns.blocks.data();
    uint64_t* const bases = columns.bases.data();
    MemoryStates& states = columns.states;
    uint64_t* const cache = columns.values.cache().values();
    Cursor cursor = begin_group(columns, addresses_);
    LookBack look_back(columns.values.predictor(), target.accesses);
    Access* access = target.accesses;
    uint32_t* store = target.stores;
    size_t done = 0;
    for (; done < ids.size(); ++done) {
        DecoderBlock& block = blocks[ids[done]];
        if (block.plan.irregular || (block.plan.follows && !may_follow)) [[unlikely]]
            break;
        if (block.plan.operations != 0) {  // a third of the executions have none
            states.enter(block.states, block.plan, operations + block.plan.first_operation);
            const PlannedOperation* operation = states.operations(block.states);
            const PlannedOperation* const end = operation + block.plan.operations;
            cursor.address_state = states.addresses(block.states, block.plan);
            cursor.value_state = states.values(block.states, block.plan);
            uint64_t* base = bases + Bases::first_operation;
            do {
                const uint64_t address = operation->derived ? operation->derive(bases[operation->base])
                                                            : * base = coded_address(columns, cursor);
                ++base;
                access->address = address;
                access->value = with_values ? operation->constant : 0;
                put_form(*operation, *access);
                if (with_values && operation->is_store()) {
                    *store++ = static_cast<uint32_t>(access - target.accesses);
                    uint64_t& cached = cache[ValueCache::index(address)];
                    if (operation->constant_value)
                        cached = operation->constant;
                    else
                        coded_value(columns, look_back, cached, operation->size, access, cursor);
                }
                ++access;
            } while (++operation != end);
        }
        target.begins[done + 1] = static_cast<uint32_t>(access - target.accesses);
        target.store_begins[done + 1] = static_cast<uint32_t>(store - target.stores);
        columns.plans.change_registers(block.plan, bases);
    }
    end_group(columns, cursor);
    if (with_values)
        look_back.tell(columns.values.predictor(), access);
    return done;
}

}  // namespace panda::trace
