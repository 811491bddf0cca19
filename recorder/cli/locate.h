// Where the parts lie that programs start or load: QEMU, the engines, the default guest, the cache.
#pragma once

#include <string>

namespace panda::launch {

// The patched QEMU: `given` if not empty, else $PANDA_QEMU, else qemu/bin in the programs' own libexec
// directory, which lies beside their bin directory, as built or as installed. Throws Error, with where it
// looked and how to build it.
std::string find_qemu(const std::string& given);

// An engine, for example "panda-record.so": in $PANDA_ENGINES, else in the libexec directory. Throws Error.
std::string find_engine(const std::string& name);

// The directory of the default guest (vmlinuz and initrd): `given` if not empty, else $PANDA_GUEST, else
// guest in the libexec directory. Throws Error.
std::string find_guest(const std::string& given);

// $PANDA_CACHE, or $XDG_CACHE_HOME/panda, or ~/.cache/panda; made when it does not exist. Throws Error.
std::string cache_directory();

// One comma in a value of a QEMU option is written as two.
std::string escape_commas(const std::string& value);

}  // namespace panda::launch
