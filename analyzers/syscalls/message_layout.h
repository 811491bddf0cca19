// Where the parts of messages to and from sockets are in a program's memory.
#pragma once

#include <cstdint>

#include "analyzers/syscalls/description.h"

namespace panda::syscalls {

// struct msghdr { name, namelen, iov, iovlen, control, controllen, flags }: each is a word of the ABI, except
// namelen and flags, which have 4 bytes and, if words have 8, padding.
constexpr uint64_t message_words = 7;
constexpr uint64_t message_size(Abi abi) {
    return message_words * word_size(abi);
}

// struct mmsghdr is a message and, at message_size(), how many of its bytes were transferred, in 4 bytes,
// with padding to a word. This is the distance from one to the next.
constexpr uint64_t message_step(Abi abi) {
    return message_size(abi) + word_size(abi);
}

}  // namespace panda::syscalls
