#include "trace/execution_words.h"

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
bool can_make(const MemoryOperation& operation, const Access& access) {
    return operation.store == (access.kind == AccessKind::store) && operation.size == access.size &&
           (!operation.constant_value || access.value == low_bytes(operation.constant, operation.size));
}

class Rebuilder {
  public:
    Rebuilder(const BlockView& block, uint32_t executed, std::span<const Access> accesses,
              ExecutionWords& out)
        : operations_(block.operations), executed_(executed), accesses_(accesses), out_(out) {}

    void run() {
        for (uint32_t instruction = 0; !accesses_.empty() || !operations_.empty(); ++instruction) {
            if (!operations_.empty() && operations_[0].instruction < instruction)
                throw Error("the operations of a block are in disorder");
            take_instruction(instruction);
            if (instruction > UINT16_MAX)
                throw Error("an access belongs to no instruction of its block");
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

    // Takes the inner events at the begin; returns the rest.
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
        const bool whole = instruction < executed_;
        for (size_t i = 0; i < operations.size(); ++i) {
            const bool must = whole && !operations[i].conditional;
            // What is left must be enough for those that ran without condition.
            const auto needed = static_cast<size_t>(
                std::count_if(operations.begin() + static_cast<ptrdiff_t>(i) + 1, operations.end(),
                              [whole](const MemoryOperation& later) { return whole && !later.conditional; }));
            const bool runs =
                !own.empty() && can_make(operations[i], own[0]) && (must || own.size() > needed);
            if (must && !runs)
                throw Error("an operation of a block left no access");
            put(operations[i], runs ? &own[0] : nullptr);
            if (runs)
                own = own.subspan(1);
        }
        if (!own.empty())
            throw Error("an access belongs to no operation of its block");
    }

    // access: null when the operation did not run.
    void put(const MemoryOperation& operation, const Access* access) {
        if (operation.has_address_word())
            out_.words.push_back(access != nullptr ? access->address : MemoryOperation::not_run);
        for (uint32_t i = 0; i < operation.value_words(); ++i)
            out_.words.push_back(access == nullptr ? 0 : i == 0 ? access->value : access->value_high);
    }

    std::span<const MemoryOperation> operations_;
    uint32_t executed_;
    std::span<const Access> accesses_;
    ExecutionWords& out_;
};

}  // namespace

void rebuild_words(const BlockView& block, uint32_t executed, std::span<const Access> accesses,
                   ExecutionWords& out) {
    out.words.clear();
    out.inner.clear();
    Rebuilder(block, executed, accesses, out).run();
}

}  // namespace panda::trace
