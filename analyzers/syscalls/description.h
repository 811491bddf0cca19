// What the generated tables hold: system calls, how their arguments are written, constants, structures.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace panda::syscalls {

// The rules by which a program calls its kernel. A 64-bit kernel serves both, and one process may use both.
enum class Abi : uint8_t { x86_64, i386 };
// The size of a pointer and of a C long, in bytes.
constexpr unsigned word_size(Abi abi) {
    return abi == Abi::x86_64 ? 8 : 4;
}
template <typename T>
using ByAbi = std::array<T, 2>;

struct Constant {
    uint64_t value;
    const char* name;
};

// Constants that belong together. Flags are written in this order.
struct Family {
    const char* unknown;  // what stands for a value without a name: "MAP_???"
    ByAbi<std::span<const Constant>> constants;

    std::span<const Constant> of(Abi abi) const { return constants[static_cast<size_t>(abi)]; }
};

class Context;
struct Notation;
struct Layout;

// A value, and where in the guest's memory it came from.
struct Value {
    uint64_t raw = 0;      // unsigned, of `size` bytes; undefined for more than 8
    uint64_t address = 0;  // virtual; 0 for an argument itself, because it was in a register
    uint32_t size = 8;     // bytes
};

// Returns the text of a value.
using ValueFunction = std::string (*)(const Context&, const Value&, const Notation&);
// Returns the text of an argument. Returns nothing if it is not known yet; the function is called again when
// the call returns, and then it must return a text. An empty text means that this call has no such argument.
using ArgumentFunction = std::optional<std::string> (*)(Context&, const Notation&);
// Returns the text of what a call that succeeded returned, to be put after "= ".
using ResultFunction = std::string (*)(Context&);

// The number that stands for "as many as the call returns", where a notation refers to another argument.
inline constexpr uint8_t returned = 255;

// How an argument, or a member of a structure, is written: a function, and what it works with.
struct Notation {
    constexpr Notation(ValueFunction function, std::array<const Family*, 2> families, const Layout* layout,
                       std::array<uint8_t, 2> numbers, uint8_t size, uint8_t position)
        : value(function),
          families(families),
          layout(layout),
          numbers(numbers),
          size(size),
          position(position) {}
    constexpr Notation(ArgumentFunction function, std::array<const Family*, 2> families, const Layout* layout,
                       std::array<uint8_t, 2> numbers, uint8_t size, uint8_t position)
        : argument(function),
          families(families),
          layout(layout),
          numbers(numbers),
          size(size),
          position(position) {}
    // An argument that is the address of a value.
    constexpr Notation(ArgumentFunction pointed, ValueFunction function,
                       std::array<const Family*, 2> families, const Layout* layout,
                       std::array<uint8_t, 2> numbers, uint8_t size, uint8_t position)
        : Notation(pointed, families, layout, numbers, size, position) {
        value = function;
    }

    // At least one of these two is set; the second one is preferred.
    ValueFunction value = nullptr;
    ArgumentFunction argument = nullptr;
    std::array<const Family*, 2> families;
    const Layout* layout;
    std::array<uint8_t, 2> numbers;  // of other arguments that it refers to
    uint8_t size;                    // of an argument, bytes; 0 = a word of the ABI
    uint8_t position;                // of an argument: its register, from 0
};

struct Field {
    const char* label;
    ByAbi<uint32_t> offset;  // bytes
    ByAbi<uint32_t> size;    // bytes
    Notation notation;
};

struct Layout {
    ByAbi<uint32_t> size;  // bytes
    std::span<const Field> fields;

    uint32_t size_in(Abi abi) const { return size[static_cast<size_t>(abi)]; }
};

// How the kernel resumes a call that a signal interrupted: the error that it returns inside of itself
// (include/linux/errno.h), which programs never see but strace shows. never: EINTR, which programs do see.
enum class Restart : uint16_t { never = 4, system = 512, no_intr = 513, no_hand = 514, block = 516 };

// strace's classes of calls, as bits.
enum Group : uint16_t {
    group_file = 1 << 0,
    group_desc = 1 << 1,
    group_process = 1 << 2,
    group_network = 1 << 3,
    group_signal = 1 << 4,
    group_ipc = 1 << 5,
    group_memory = 1 << 6,
    group_creds = 1 << 7,
    group_clock = 1 << 8,
};

// The number of calls that only socketcall and ipc make.
inline constexpr uint32_t no_number = UINT32_MAX;

// How a call is written: its arguments and its result.
struct CallForm {
    std::span<const Notation> arguments;
    ResultFunction result;
    const Family* result_family;  // for results that are constants; else null
};

// The form that a call has if its argument number `selector` has this value.
struct Variant {
    uint32_t value;
    uint8_t selector;
    CallForm form;
};

struct CallDescription {
    uint32_t number;
    const char* name;
    CallForm form;
    std::span<const Variant> variants;
    Restart restart;
    uint32_t groups;  // of Group

    // The form for these registers.
    const CallForm& form_for(std::span<const uint64_t> registers) const;
};

// A call of x32: its number, without the bit that marks it, and its place among the calls of x86_64.
struct X32Call {
    uint32_t number;
    uint32_t place;
};
// Set in the number of a call of x32, which 64-bit code makes.
inline constexpr uint64_t x32_bit = 0x40000000;

// All calls of an ABI, by ascending number; those without a number come last.
std::span<const CallDescription> calls(Abi abi);
// The call with that number, which may be one of x32; null if the kernel's headers know none.
const CallDescription* find_call(Abi abi, uint64_t number);
// The call with that name; null if the ABI has none.
const CallDescription* find_call(Abi abi, const std::string& name);
// The bit of the group with that name; 0 if there is none.
uint32_t group_bit(const std::string& name);

}  // namespace panda::syscalls
