// Page table isolation of Linux: a process has two top page tables, of which the second one is in force in user mode.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace panda::engine {

// The two tables are neighbouring pages (PTI_USER_PGTABLE_BIT of the kernel's arch/x86/entry/calling.h), so their
// addresses differ in this bit alone, which is clear in the kernel's.
constexpr uint64_t table_pair_bit = 0x1000;

// Whether these neighbouring pages are such a pair, and not the tables of two processes: both lead to the same memory
// of the program, but for the bit by which the kernel's table forbids to run it (__pti_set_user_pgtbl() of
// arch/x86/mm/pti.c). Each span has a page. long_mode: 256 entries are the program's, otherwise (PAE) three.
bool is_table_pair(std::span<const std::byte> even, std::span<const std::byte> odd, bool long_mode);

}  // namespace panda::engine
