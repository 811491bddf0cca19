// Finds the symbol table that a kernel carries for itself, by its shape, in a kernel's image or memory.
//
// scripts/kallsyms.c of Linux writes it into .rodata without any marks around it:
//
//   num_syms        u32
//   names           for each name a length (one byte, or two since 6.1 if bit 7 of the first is set) and as
//                   many tokens; the first character of the expanded name is the symbol's type
//   markers         u32 for every 256th name: its place in names
//   token_table     256 strings with their final zeros: what the 256 token values expand to
//   token_index     u16 for every token: its place in token_table
//   offsets         s32 for every symbol, relative to relative_base
//   relative_base   an address
//   seqs_of_names   3 bytes for every symbol (since 6.2)
//
// Each is aligned to 8 bytes (4 on 32-bit machines). They have this order since 6.4 (commit 404bad70fcf7);
// before that, offsets and relative_base come first, then num_syms, names, markers, seqs_of_names,
// token_table and token_index. Symbols are sorted by address. With CONFIG_KALLSYMS_ABSOLUTE_PERCPU (x86_64 up
// to 6.14), offsets that are not negative are addresses themselves (of per-CPU variables), and negative ones
// count down from relative_base - 1. Since 7.0 (commit a081b5789255) there is no relative_base, each offset
// is relative to its own place, and everything is aligned to 4 bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kernelinfo/symbols.h"

namespace panda::kernelinfo {

// Finds the tables in `image` (a contiguous piece of a kernel's read-only data; more around it does no harm),
// whose first byte is at virtual address `address`. Returns all symbols with their addresses, which are those
// at link time if the image is not relocated. pointer_size: 4 or 8. Throws Error when there are no tables or
// when they contradict themselves. Takes about 50 ms for a distribution kernel.
SymbolTable find_kallsyms(std::span<const std::byte> image, uint64_t address, unsigned pointer_size);

// A row of /proc/kallsyms.
struct KallsymsEntry {
    uint64_t address = 0;
    char type = '?';  // as nm writes it: 'T' and 't' for functions …
    std::string name;
};
// The same tables as a list, in their own order: by ascending address, and several names of one address in
// the order in which the kernel looks at them. Takes and throws as find_kallsyms() does.
std::vector<KallsymsEntry> list_kallsyms(std::span<const std::byte> image, uint64_t address,
                                         unsigned pointer_size);

}  // namespace panda::kernelinfo
