// Files of the host for the guest: a cpio archive that the kernel unpacks after its own initramfs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace panda::record {

// HOST:GUEST, as given to --copy-in.
struct CopyIn {
    std::string host;
    std::string guest;  // absolute
};

// Parses HOST:GUEST. A guest path that ends in a slash is a directory to copy into. Throws UsageError.
CopyIn parse_copy_in(const std::string& text);

// The archive (newc, not compressed), directories with all that is below them, everything owned by root. It
// takes guest memory, hence the limit in bytes. Throws Error for a file that cannot be read and when it gets
// too large.
std::string copy_in_archive(const std::vector<CopyIn>& files, uint64_t limit);

}  // namespace panda::record
