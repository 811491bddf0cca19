// Files of the host for the guest: a cpio archive that the guest's kernel unpacks after its initramfs.
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

// The archive (newc, not compressed). It has directories with everything below them, and root owns all of it.
// It takes guest memory, so it has a limit, in bytes. Throws Error when a file cannot be read, and when the
// archive would exceed the limit.
std::string copy_in_archive(const std::vector<CopyIn>& files, uint64_t limit);

}  // namespace panda::record
