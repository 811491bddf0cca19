// A file that gzip can read, written in order.
#pragma once

#include <zlib.h>

#include <string>
#include <string_view>

namespace panda::strings {

class GzipFile {
  public:
    // Creates the file, over an existing one. Throws FileError.
    explicit GzipFile(const std::string& path);
    ~GzipFile();
    GzipFile(const GzipFile&) = delete;
    GzipFile& operator=(const GzipFile&) = delete;

    // Throws FileError when the file cannot be written.
    void write(std::string_view text);
    // Writes what is left. Throws FileError.
    void close();

  private:
    std::string path_;
    gzFile file_;
};

}  // namespace panda::strings
