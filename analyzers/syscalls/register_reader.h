// Takes arguments out of registers, in their order, for typed_calls.h, which is generated.
#pragma once

#include <cstddef>
#include <cstdint>

#include "analyzers/syscalls/call.h"

namespace panda::syscalls {

class RegisterReader {
  public:
    // call: must outlive this.
    explicit RegisterReader(const Call& call) : call_(call) {}

    uint64_t next() { return next_ < call_.arguments.size() ? call_.arguments[next_++] : 0; }
    // An argument of 64 bits. On i386 it is in two registers, the lower half first.
    uint64_t wide() {
        const uint64_t low = next();
        return call_.abi == Abi::x86_64 ? low : (low & 0xffff'ffff) | next() << 32;
    }

  private:
    const Call& call_;
    size_t next_ = 0;
};

}  // namespace panda::syscalls
