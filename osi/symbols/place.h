// An address by name.
#pragma once

#include <cstdint>
#include <string>

#include "osi/symbols/elf_file.h"

namespace panda::osi {

struct Place {
    // The path of the file that is mapped there, "kernel", the name of a module of the kernel, or "[vdso]"; empty: the
    // address belongs to nothing that has a name.
    std::string module;
    std::string function;  // demangled; empty: not known
    // From the function's start; without a function, from the start of the module's link-time addresses; without a
    // module, the address itself.
    uint64_t offset = 0;
    SourceLine source;  // line 0: not known

    bool operator==(const Place&) const = default;
};

// "do_sys_open+0x12 [kernel]", "main+0x4 [demo] demo.c:12", "[libc.so.6+0x2712]", "0x401000". Paths are shortened to
// their last part.
std::string to_text(const Place& place);
// The same without the offset in the function, and without the line: "main [demo]".
std::string function_text(const Place& place);
// The last part of a path.
std::string short_name(const std::string& path);

// A name as the language has it: "f(int)" for "_Z1fi". Names that are not mangled stay as they are.
std::string demangle(const std::string& name);

}  // namespace panda::osi
