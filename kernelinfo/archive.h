// Compressed streams and Debian packages, through libarchive. No external program is ever started.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "common/bytes.h"

namespace panda::kernelinfo {

// Decompresses one gzip, bzip2, xz, lzma, lz4 (also of the kernel's legacy kind) or zstd stream. `place`
// names the stream in errors. Throws Error when the data is damaged, of another kind, or larger than `limit`
// bytes.
Bytes decompress_any(std::span<const std::byte> stream, uint64_t limit, const std::string& place);

// The first regular file of the Debian package `path` whose name inside the package `wanted` accepts,
// unpacked. Throws FileError when there is none, when the package is damaged or when the file is larger than
// `limit` bytes.
struct PackagedFile {
    std::string name;
    Bytes content;
};
PackagedFile extract_from_deb(const std::string& path, const std::function<bool(const std::string&)>& wanted,
                              uint64_t limit);

}  // namespace panda::kernelinfo
