// The memory of a program at the moment of a call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace panda::syscalls {

class UserMemory {
  public:
    virtual ~UserMemory() = default;

    // Fills `out` from virtual address `address`. False when any byte of it cannot be read; `out` is then
    // undefined.
    virtual bool read(uint64_t address, std::span<std::byte> out) const = 0;
};

}  // namespace panda::syscalls
