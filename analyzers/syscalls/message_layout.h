// Where the parts of messages to and from sockets lie in a program's memory.
#pragma once

#include <cstdint>

#include "analyzers/syscalls/description.h"

namespace panda::syscalls {

// struct msghdr { name, namelen, iov, iovlen, control, controllen, flags }: each a word of the ABI, but for
// namelen and flags, which have 4 bytes and, where words have 8, padding.
constexpr uint64_t message_words = 7;
constexpr uint64_t message_size(Abi abi) {
    return message_words * word_size(abi);
}

// struct mmsghdr: a message, and at message_size() how many bytes of it went, in 4 bytes, with padding to a
// word. From one to the next:
constexpr uint64_t message_step(Abi abi) {
    return message_size(abi) + word_size(abi);
}

}  // namespace panda::syscalls
