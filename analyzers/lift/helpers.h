// QEMU's helpers as bitcode, and the layout of the state that they work on: what recorder/qemu/bitcode.sh makes.
#pragma once

#include <llvm/IR/Module.h>

#include <memory>
#include <string>

#include "analyzers/lift/state_layout.h"

namespace panda::lift {

struct Helpers {
    std::unique_ptr<llvm::Module> module;  // helper_NAME, and what these need
    StateLayout layout;
};

// Reads helpers.bc and state-layout in this directory. Takes some milliseconds: functions are read when they are used
// (llvm::Module::materializeAll). Throws FileError when they are missing or damaged.
Helpers read_helpers(llvm::LLVMContext& context, const std::string& directory);

// The directory that belongs to the program in this directory (its bin/): ../libexec/panda/helpers.
std::string default_helpers(const std::string& program_directory);

}  // namespace panda::lift
