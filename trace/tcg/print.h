// TCG operations as text, in the form of QEMU's own log (`-d op`, tcg_dump_ops() in tcg/tcg.c):
//
//  ---- 00000000ffffffff 0000000000000000
//  mov_i64 loc3,rax
//  brcond_i64 loc3,$0x0,eq,$L1
//
// Temporaries have the numbers of their appearance in the block, which are not those that QEMU had. exit_tb shows the
// number of the exit (0 to 3) without the block's address in the host.
#pragma once

#include <string>

#include "trace/tcg/operations.h"

namespace panda::trace::tcg {

// One operation of a block, without an end of line. dialect: that with which the block was parsed.
std::string operation_text(const Dialect& dialect, const BlockOperations& block, const Operation& operation);

// A temporary of a block: "rax", "loc5", "tmp7", "$0x10".
std::string temporary_text(const Dialect& dialect, const BlockOperations& block, uint16_t temporary);

}  // namespace panda::trace::tcg
