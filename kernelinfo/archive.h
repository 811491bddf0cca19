// Reads compressed streams and Debian packages, through libarchive. It never starts an external program.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "common/bytes.h"

namespace panda::kernelinfo {

// Decompresses one gzip, bzip2, xz, lzma, lz4 (also the kernel's legacy kind) or zstd stream. `place` names
// the stream in errors. Throws Error when the data is damaged, is of another kind, or unpacks to more than
// `limit` bytes.
Bytes decompress_any(std::span<const std::byte> stream, uint64_t limit, const std::string& place);

// The first regular file in the Debian package `path` whose name in the package `wanted` accepts, unpacked.
// Throws FileError when there is none, when the package is damaged, or when the file is larger than `limit`
// bytes.
struct PackagedFile {
    std::string name;
    Bytes content;
};
PackagedFile extract_from_deb(const std::string& path, const std::function<bool(const std::string&)>& wanted,
                              uint64_t limit);

}  // namespace panda::kernelinfo
