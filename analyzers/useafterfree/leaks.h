// Blocks that a program can no longer give back, because it has no pointer to them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "analyzers/useafterfree/heap.h"
#include "osi/provider.h"
#include "trace/memory/address_space.h"

namespace panda::useafterfree {

// What a process has besides its heap. Words are 8 bytes, or 4 in 32-bit programs.
struct Roots {
    std::span<const osi::Mapping> mappings;  // of the process
    std::span<const uint64_t> registers;     // of the thread that ran last
    uint64_t stack_pointer = 0;              // of that thread: what is below it on its stack does not count
    unsigned word = 8;
};

// The live blocks that no pointer leads to: neither one from registers and writable memory outside of [heap], nor one
// from another block that is reachable itself. A pointer into the middle of a block counts. This is how valgrind finds
// what is "definitely" and "indirectly" lost. Reads the process's writable memory.
std::vector<const Block*> unreachable(const Heap& heap, const trace::AddressSpace& space, const Roots& roots);

}  // namespace panda::useafterfree
