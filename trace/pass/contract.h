// What run_pass() demands of an analyzer, checked when it is compiled. pass.h describes the contract; this
// file makes each way to break it an error that names the callback.
//
// C++ looks up an optional callback by its name, so one that is misspelt would silently never be called.
// Therefore everything is accounted for: `needs` is stated, and each callback that such a pass calls is there,
// or a base class says that the analyzer does without. A list of likely wrong names gives a better message,
// and catches what nobody can account for (an onBlock beside on_block).
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include "trace/access.h"
#include "trace/event.h"
#include "trace/reading/chunk.h"

namespace panda::trace {

// What an analyzer needs from a pass. Each one includes the one before, and costs more.
enum class PassNeeds : uint8_t {
    blocks,     // executions and events
    addresses,  // and memory accesses, of which stores have value 0
    accesses,   // and the values of stores, where the trace has them
    memory,     // and guest memory and registers, current all the time
};

// An analyzer that does without a callback derives from one of these.
struct IgnoresEvents {};         // no on_event
struct IgnoresAccesses {};       // neither on_accesses nor after_accesses, though it needs memory
struct IgnoresAfterAccesses {};  // no after_accesses, though it has on_accesses

// Names that are not the contract's, and the name that was probably meant. Names with another meaning in C++
// libraries (begin, merge of a container …) are not here.
#define PANDA_NEAR_MISSES(X)             \
    X(onBlock, on_block)                 \
    X(OnBlock, on_block)                 \
    X(onblock, on_block)                 \
    X(on_blocks, on_block)               \
    X(on_bloc, on_block)                 \
    X(on_blok, on_block)                 \
    X(on_blk, on_block)                  \
    X(on_basic_block, on_block)          \
    X(before_block, on_block)            \
    X(block_begin, on_block)             \
    X(onAccesses, on_accesses)           \
    X(onAccess, on_accesses)             \
    X(OnAccesses, on_accesses)           \
    X(onaccesses, on_accesses)           \
    X(on_access, on_accesses)            \
    X(on_acces, on_accesses)             \
    X(on_acceses, on_accesses)           \
    X(on_accessess, on_accesses)         \
    X(on_memory, on_accesses)            \
    X(on_memory_access, on_accesses)     \
    X(afterAccesses, after_accesses)     \
    X(AfterAccesses, after_accesses)     \
    X(after_access, after_accesses)      \
    X(after_acces, after_accesses)       \
    X(after_acceses, after_accesses)     \
    X(on_after_accesses, after_accesses) \
    X(after_block, after_accesses)       \
    X(onValues, on_values)               \
    X(on_value, on_values)               \
    X(on_loads, on_values)               \
    X(onEvent, on_event)                 \
    X(OnEvent, on_event)                 \
    X(onevent, on_event)                 \
    X(on_events, on_event)               \
    X(on_evnt, on_event)                 \
    X(on_evet, on_event)                 \
    X(on_even, on_event)                 \
    X(Append, append)                    \
    X(apend, append)                     \
    X(need, needs)                       \
    X(Needs, needs)                      \
    X(pass_needs, needs)                 \
    X(need_registers, needs_registers)   \
    X(needs_register, needs_registers)   \
    X(needsRegisters, needs_registers)

namespace contract {

// Has a member of every name above and of the contract's own names.
struct AllNames {
    int on_block, on_accesses, on_values, after_accesses, on_event, append, needs, needs_registers;
#define PANDA_MEMBER(wrong, right) int wrong;
    PANDA_NEAR_MISSES(PANDA_MEMBER)
#undef PANDA_MEMBER
};
// A name is ambiguous in this class when the analyzer declares it too, be it overloaded, a template, private
// or static.
template <typename Analyzer>
struct Lookup : Analyzer, AllNames {};

// declares_NAME<Analyzer>(): whether the analyzer, or a base of it, has a member of this name. A final class
// cannot be a base, so its overloaded and its private members go unseen.
#define PANDA_DECLARES(name)                               \
    template <typename Analyzer>                           \
    consteval bool declares_##name() {                     \
        if constexpr (std::is_final_v<Analyzer>)           \
            return requires { &Analyzer::name; };          \
        else                                               \
            return !requires { &Lookup<Analyzer>::name; }; \
    }
PANDA_DECLARES(on_block)
PANDA_DECLARES(on_accesses)
PANDA_DECLARES(on_values)
PANDA_DECLARES(after_accesses)
PANDA_DECLARES(on_event)
PANDA_DECLARES(append)
PANDA_DECLARES(needs)
PANDA_DECLARES(needs_registers)
#define PANDA_DECLARES_NEAR_MISS(wrong, right) PANDA_DECLARES(wrong)
PANDA_NEAR_MISSES(PANDA_DECLARES_NEAR_MISS)
#undef PANDA_DECLARES_NEAR_MISS
#undef PANDA_DECLARES

template <typename Analyzer>
concept TakesBlocks = requires(Analyzer analyzer, const BlockExecution& block) {
    { analyzer.on_block(block) } -> std::same_as<void>;
};
template <typename Analyzer>
concept TakesAccesses =
    requires(Analyzer analyzer, const BlockExecution& block, std::span<const Access> accesses) {
        { analyzer.on_accesses(block, accesses) } -> std::same_as<void>;
    };
template <typename Analyzer>
concept TakesValues =
    requires(Analyzer analyzer, const BlockExecution& block, std::span<const Access> accesses) {
        { analyzer.on_values(block, accesses) } -> std::same_as<void>;
    };
template <typename Analyzer>
concept TakesAfterAccesses = requires(Analyzer analyzer, const BlockExecution& block) {
    { analyzer.after_accesses(block) } -> std::same_as<void>;
};
template <typename Analyzer>
concept TakesEvents = requires(Analyzer analyzer, const Event& event) {
    { analyzer.on_event(event) } -> std::same_as<void>;
};
template <typename Analyzer>
concept Appends = requires(Analyzer analyzer, Analyzer next) {
    { analyzer.append(std::move(next)) } -> std::same_as<void>;
};

}  // namespace contract

// What an analyzer needs: its member `needs`. Blocks if there is none, so that check_analyzer() can say so.
template <typename Analyzer>
consteval PassNeeds needs_of() {
    if constexpr (contract::declares_needs<Analyzer>())
        return Analyzer::needs;
    else
        return PassNeeds::blocks;
}

// Whether an analyzer needs the registers at the start of each execution: its member `needs_registers`, or
// false if it has none.
template <typename Analyzer>
consteval bool needs_registers_of() {
    if constexpr (contract::declares_needs_registers<Analyzer>())
        return Analyzer::needs_registers;
    else
        return false;
}

namespace contract {

// Whether a callback is accounted for: there, called by such a pass, and with the right arguments; or not
// there, and not called, or a base class says so.
consteval bool accounted(bool declared, bool called, bool callable, bool ignored) {
    return declared ? called && callable && !ignored : !called || ignored;
}

template <typename A>
constexpr bool ignores_accesses = std::is_base_of_v<IgnoresAccesses, A>;
template <typename A>
constexpr bool ignores_after_accesses = ignores_accesses<A> || std::is_base_of_v<IgnoresAfterAccesses, A>;

template <typename A>
consteval bool accesses_accounted() {
    constexpr bool called = needs_of<A>() >= PassNeeds::addresses;
    return accounted(declares_on_accesses<A>(), called, TakesAccesses<A>, ignores_accesses<A>) &&
           accounted(declares_after_accesses<A>(), called, TakesAfterAccesses<A>,
                     ignores_after_accesses<A>) &&
           (!declares_on_values<A>() || (needs_of<A>() == PassNeeds::memory && TakesValues<A>));
}

template <typename A>
consteval void check_blocks() {
    static_assert(
        declares_needs<A>(),
        "`needs` is missing: static constexpr PassNeeds needs = PassNeeds::blocks, or addresses or accesses "
        "(for on_accesses and after_accesses), or memory");
    static_assert(declares_on_block<A>(), "on_block is missing: it takes every execution");
    static_assert(!declares_on_block<A>() || TakesBlocks<A>,
                  "on_block must be public: void on_block(const BlockExecution& block)");
    static_assert(declares_append<A>(), "append is missing: it takes the results of the shard that follows");
    static_assert(!declares_append<A>() || Appends<A>,
                  "append must be public: void append(Analyzer&& next), of the analyzer's own type");
}

template <typename A>
consteval void check_events() {
    constexpr bool ignored = std::is_base_of_v<IgnoresEvents, A>;
    static_assert(declares_on_event<A>() || ignored,
                  "on_event is missing: derive from IgnoresEvents if the analyzer does without");
    static_assert(!declares_on_event<A>() || !ignored,
                  "on_event is there, and the base IgnoresEvents says that it is not");
    static_assert(!declares_on_event<A>() || TakesEvents<A>,
                  "on_event must be public: void on_event(const Event& event)");
}

template <typename A>
consteval void check_accesses() {
    constexpr bool called = needs_of<A>() >= PassNeeds::addresses;
    static_assert(
        !declares_on_accesses<A>() || called,
        "on_accesses would never be called: `needs` must be PassNeeds::addresses, accesses or memory");
    static_assert(
        !declares_after_accesses<A>() || called,
        "after_accesses would never be called: `needs` must be PassNeeds::addresses, accesses or memory");
    static_assert(!declares_on_accesses<A>() || TakesAccesses<A>,
                  "on_accesses must be public: void on_accesses(const BlockExecution& block, "
                  "std::span<const Access> accesses)");
    static_assert(!declares_after_accesses<A>() || TakesAfterAccesses<A>,
                  "after_accesses must be public: void after_accesses(const BlockExecution& block)");
    static_assert(!declares_on_values<A>() || needs_of<A>() == PassNeeds::memory,
                  "on_values would never be called: `needs` must be PassNeeds::memory");
    static_assert(!declares_on_values<A>() || TakesValues<A>,
                  "on_values must be public: void on_values(const BlockExecution& block, "
                  "std::span<const Access> accesses)");
    static_assert(!called || declares_on_accesses<A>() || ignores_accesses<A>,
                  "on_accesses is missing: derive from IgnoresAccesses if the analyzer does without");
    static_assert(!called || declares_after_accesses<A>() || ignores_after_accesses<A>,
                  "after_accesses is missing: derive from IgnoresAfterAccesses if the analyzer does without");
    static_assert(!declares_on_accesses<A>() || !ignores_accesses<A>,
                  "on_accesses is there, and the base IgnoresAccesses says that it is not");
    static_assert(
        !declares_after_accesses<A>() || !ignores_after_accesses<A>,
        "after_accesses is there, and the base IgnoresAfterAccesses or IgnoresAccesses says that it "
        "is not");
}

}  // namespace contract

// Whether the contract holds, as a condition. If it does not, check_analyzer() says what is wrong.
template <typename A>
concept PassAnalyzer = contract::declares_needs<A>() && contract::TakesBlocks<A> && contract::Appends<A> &&
                       contract::accounted(contract::declares_on_event<A>(), true, contract::TakesEvents<A>,
                                           std::is_base_of_v<IgnoresEvents, A>) &&
                       contract::accesses_accounted<A>();

// Does not compile unless the contract holds; each error names the callback.
template <typename A>
consteval void check_analyzer() {
#define PANDA_REFUSE(wrong, right)                  \
    static_assert(!contract::declares_##wrong<A>(), \
                  "`" #wrong "` would never be called or looked at: `" #right "` is the name");
    PANDA_NEAR_MISSES(PANDA_REFUSE)
#undef PANDA_REFUSE
    contract::check_blocks<A>();
    contract::check_events<A>();
    contract::check_accesses<A>();
}

}  // namespace panda::trace
