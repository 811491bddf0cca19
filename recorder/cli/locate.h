// Finds what the programs start or load: QEMU, the engines, the default guest, the cache.
#pragma once

#include <string>

namespace panda::launch {

// The patched QEMU: `given` if that is not empty, else $PANDA_QEMU, else the one in qemu/bin in the programs'
// own libexec directory, which is beside their bin directory, as built or as installed. Throws an Error that
// says where it looked and how to build QEMU.
std::string find_qemu(const std::string& given);

// The file of an engine, for example "panda-record.so": in $PANDA_ENGINES, else in the libexec directory.
// Throws Error.
std::string find_engine(const std::string& name);

// The directory of the default guest (vmlinuz and initrd): `given` if that is not empty, else $PANDA_GUEST,
// else guest in the libexec directory. Throws Error.
std::string find_guest(const std::string& given);

// $PANDA_CACHE, or $XDG_CACHE_HOME/panda, or ~/.cache/panda. Makes the directory if it does not exist. Throws
// Error.
std::string cache_directory();

// The text as a value in a QEMU option, where a comma is written as two.
std::string escape_commas(const std::string& value);

}  // namespace panda::launch
