// What a notation works with: a call, the memory of its program, and how texts should look.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "analyzers/syscalls/call.h"
#include "analyzers/syscalls/user_memory.h"

namespace panda::syscalls {

inline constexpr uint32_t unknown_protocol = UINT32_MAX;
struct SocketKind {
    uint32_t family = 0;    // AF_…
    uint32_t protocol = 0;  // of the family: NETLINK_…
};

struct TextOptions {
    uint32_t string_limit = 32;  // how many bytes of a string or a buffer are shown
    // If it is set, descriptors are written with what they are. Returns the text for one, or an empty text.
    std::function<std::string(int64_t fd)> describe_fd;
    // If it is set, messages on netlink sockets are written as such. Returns what socket a descriptor is; nothing
    // if it is not one.
    std::function<std::optional<SocketKind>(int64_t fd)> socket;
    // If it is set, network interfaces are written with their names. Returns nothing for one without a name.
    std::function<std::optional<std::string>(uint32_t number)> interface_name;
};

enum class Moment : uint8_t { entry, exit };

// It lives as long as the call, so what a notation keeps at the entry is there at the return.
class Context {
  public:
    // Both must outlive it, and `memory` follows the guest.
    Context(const Call& call, const UserMemory& memory, const TextOptions& options)
        : call_(call), memory_(memory), options_(options), form_(form_of(call)) {}

    const Call& call() const { return call_; }
    Abi abi() const { return call_.abi; }
    // Of a pointer in the program's memory: 4 in x32 too, whose registers have 64 bits.
    unsigned word_size() const { return is_x32() ? 4 : syscalls::word_size(abi()); }
    bool is_x32() const { return abi() == Abi::x86_64 && (call_.number & x32_bit) != 0; }
    const TextOptions& options() const { return options_; }

    Moment moment() const { return moment_; }
    bool at_entry() const { return moment_ == Moment::entry; }
    void set_return(const Return& result) {
        moment_ = Moment::exit;
        result_ = result;
    }
    const Return& result() const { return result_; }
    // At the return: whether the kernel wrote nothing to memory, because the call failed or never returned.
    bool without_output() const { return result_.ending != Ending::returned || result_.failed(); }

    // How the call is written; of a call that no header knows: nothing.
    const CallForm& form() const { return *form_; }
    std::span<const Notation> notations() const { return form_->arguments; }
    // The register of the argument that has the notation, and of argument `index` of the call's description;
    // 0 if it has no such argument.
    uint64_t argument(const Notation& notation) const;
    uint64_t argument_at(size_t index) const;

    // What notations keep between entry and return, by register.
    std::array<uint64_t, 6> kept{};

    // Reads memory at this moment. Returns false if any byte cannot be read.
    bool read(uint64_t address, std::span<std::byte> out) const {
        const bool there = memory_.read(address, out);
        missed_ = missed_ || !there;
        return there;
    }
    // Whether anything could not be read since the last call of this function.
    bool take_missed() const { return std::exchange(missed_, false); }
    std::optional<uint64_t> read_unsigned(uint64_t address, unsigned size) const;
    std::optional<int64_t> read_signed(uint64_t address, unsigned size) const;
    std::optional<uint64_t> read_word(uint64_t address) const { return read_unsigned(address, word_size()); }

  private:
    static const CallForm* form_of(const Call& call);

    const Call& call_;
    const UserMemory& memory_;
    const TextOptions& options_;
    const CallForm* form_;
    Moment moment_ = Moment::entry;
    mutable bool missed_ = false;
    Return result_;
};

}  // namespace panda::syscalls
