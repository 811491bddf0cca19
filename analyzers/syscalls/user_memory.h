// The memory of a program at the moment of a call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace panda::syscalls {

class UserMemory {
  public:
    virtual ~UserMemory() = default;

    // Fills `out` from virtual address `address`. Returns false if any byte cannot be read; `out` is
    // undefined then.
    virtual bool read(uint64_t address, std::span<std::byte> out) const = 0;
};

}  // namespace panda::syscalls
