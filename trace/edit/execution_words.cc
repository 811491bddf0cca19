#include "trace/edit/execution_words.h"

#include <algorithm>

#include "common/error.h"

namespace panda::trace {
namespace {

bool is_own(const Access& access) {
    return access.kind == AccessKind::load || access.kind == AccessKind::store;
}

InnerKind inner_kind(AccessKind kind) {
    switch (kind) {
        case AccessKind::table_write:
            return InnerKind::table_write;
        case AccessKind::helper_load:
            return InnerKind::helper_load;
        case AccessKind::helper_store:
            return InnerKind::helper_store;
        default:
            return InnerKind::fill;
    }
}

uint64_t low_bytes(uint64_t value, unsigned size) {
    return size >= 8 ? value : value & ((uint64_t{1} << (8 * size)) - 1);
}

// Whether the operation can have made this access.
bool can_make(const MemoryOperation& operation, const Access& access, bool with_values) {
    return operation.store == (access.kind == AccessKind::store) && operation.size == access.size &&
           (!operation.constant_value || !with_values ||
            access.value == low_bytes(operation.constant, operation.size));
}

class Rebuilder {
  public:
    Rebuilder(std::span<const MemoryOperation> operations, uint32_t executed,
              std::span<const Access> accesses, bool with_values, ExecutionWords& out)
        : operations_(operations),
          executed_(executed),
          accesses_(accesses),
          with_values_(with_values),
          out_(out) {}

    void run() {
        for (uint32_t instruction = 0; !accesses_.empty() || !operations_.empty(); ++instruction) {
            if (!operations_.empty() && operations_[0].instruction < instruction)
                throw Error("the operations of a block are out of order");
            take_instruction(instruction);
            if (instruction > UINT16_MAX)
                throw Error("an access does not belong to any instruction of its block");
        }
    }

  private:
    void take_instruction(uint32_t instruction) {
        const auto ends = [instruction](const Access& access) { return access.instruction != instruction; };
        auto mine = accesses_.first(
            static_cast<size_t>(std::find_if(accesses_.begin(), accesses_.end(), ends) - accesses_.begin()));
        accesses_ = accesses_.subspan(mine.size());
        mine = take_inner(
            mine, instruction == 0 ? InnerEvent::before_block : InnerEvent::before_instruction(instruction));
        const auto own = mine.first(
            static_cast<size_t>(std::find_if_not(mine.begin(), mine.end(), is_own) - mine.begin()));
        take_own(own, instruction);
        if (!take_inner(mine.subspan(own.size()), InnerEvent::after_instruction(instruction)).empty())
            throw Error("an access of a helper is between those of one instruction");
    }

    // Takes the inner events at the start of `accesses`; returns the rest.
    std::span<const Access> take_inner(std::span<const Access> accesses, uint32_t place) {
        for (; !accesses.empty() && !is_own(accesses[0]); accesses = accesses.subspan(1))
            out_.inner.push_back({place, inner_kind(accesses[0].kind), accesses[0].size, accesses[0].address,
                                  accesses[0].value, accesses[0].value_high});
        return accesses;
    }

    void take_own(std::span<const Access> own, uint32_t instruction) {
        const auto ends = [instruction](const MemoryOperation& operation) {
            return operation.instruction != instruction;
        };
        const auto count = static_cast<size_t>(std::find_if(operations_.begin(), operations_.end(), ends) -
                                               operations_.begin());
        const auto operations = operations_.first(count);
        operations_ = operations_.subspan(count);
        match(operations, own, instruction < executed_);
    }

    // Finds which of the operations made the accesses. Both are in order, and in a whole instruction all
    // unconditional operations have run. This works from the back: fits_[i * width + j] says whether the
    // operations from number i on can have made the accesses from number j on.
    void match(std::span<const MemoryOperation> operations, std::span<const Access> own, bool whole) {
        const size_t width = own.size() + 1;
        fits_.assign((operations.size() + 1) * width, false);
        fits_.back() = true;
        const auto runs = [&](size_t i, size_t j) {
            return j < own.size() && can_make(operations[i], own[j], with_values_) &&
                   fits_[(i + 1) * width + j + 1];
        };
        const auto rests = [&](size_t i, size_t j) {
            return (!whole || operations[i].conditional) && fits_[(i + 1) * width + j];
        };
        for (size_t i = operations.size(); i-- > 0;)
            for (size_t j = 0; j < width; ++j)
                fits_[i * width + j] = runs(i, j) || rests(i, j);
        if (!fits_[0])
            throw Error("the accesses of an execution are not those of its block");
        for (size_t i = 0, j = 0; i < operations.size(); ++i) {
            const bool ran = runs(i, j);
            put(operations[i], ran ? &own[j] : nullptr);
            j += ran ? 1 : 0;
        }
    }

    // access: null if the operation did not run.
    void put(const MemoryOperation& operation, const Access* access) {
        if (operation.has_address_word())
            out_.words.push_back(access != nullptr ? access->address : MemoryOperation::not_run);
        for (uint32_t i = 0; with_values_ && i < operation.value_words(); ++i)
            out_.words.push_back(access == nullptr ? 0 : i == 0 ? access->value : access->value_high);
    }

    std::span<const MemoryOperation> operations_;
    uint32_t executed_;
    std::span<const Access> accesses_;
    bool with_values_;
    ExecutionWords& out_;
    std::vector<bool> fits_;
};

}  // namespace

std::vector<MemoryOperation> operations_alone(std::span<const MemoryOperation> operations) {
    std::vector<MemoryOperation> alone;
    std::vector<uint16_t> places(operations.size(),
                                 base_none);  // in `alone`, of operations with an address word
    for (size_t i = 0; i < operations.size(); ++i) {
        MemoryOperation operation = operations[i];
        if (!operation.is_access())
            continue;
        // A base that is not an operation (base_…) is larger than the number of any operation.
        operation.base = operation.base < places.size() ? places[operation.base] : base_none;
        if (operation.has_address_word()) {
            operation.narrow = false;
            operation.delta = 0;
            places[i] = static_cast<uint16_t>(alone.size());
        }
        alone.push_back(operation);
    }
    return alone;
}

void rebuild_words(std::span<const MemoryOperation> operations, uint32_t executed,
                   std::span<const Access> accesses, bool with_values, ExecutionWords& out) {
    out.words.clear();
    out.inner.clear();
    Rebuilder(operations, executed, accesses, with_values, out).run();
}

}  // namespace panda::trace
