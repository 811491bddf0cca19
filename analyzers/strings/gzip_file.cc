#include "analyzers/strings/gzip_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/error.h"

namespace panda::strings {

GzipFile::GzipFile(const std::string& path) : path_(path), file_(::gzopen(path.c_str(), "wb1")) {
    if (file_ == nullptr)
        throw FileError(path_, "cannot be written: " + std::string(std::strerror(errno)));
}

GzipFile::~GzipFile() {
    if (file_ != nullptr)
        ::gzclose(file_);
}

void GzipFile::write(std::string_view text) {
    // gzwrite() takes an int, and returns 0 for failure.
    constexpr size_t part = 1 << 20;
    for (; !text.empty(); text.remove_prefix(std::min(part, text.size())))
        if (::gzwrite(file_, text.data(), static_cast<unsigned>(std::min(part, text.size()))) <= 0)
            throw FileError(path_, "cannot be written: " + std::string(std::strerror(errno)));
}

void GzipFile::close() {
    if (::gzclose(std::exchange(file_, nullptr)) != Z_OK)
        throw FileError(path_, "cannot be written: " + std::string(std::strerror(errno)));
}

}  // namespace panda::strings
