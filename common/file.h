// Files that say what went wrong: every failure throws FileError with the path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "common/bytes.h"

namespace panda {

enum class IfExists { refuse, overwrite };

// Throws UsageError when writing `output` would overwrite `input`, a trace that is being read. Either may be
// "-".
void require_other_file(const std::string& input, const std::string& output);

// A file or pipe that is written in order. It is not buffered: callers write whole chunks.
class OutputFile {
  public:
    // Creates `path`; "-" is standard output. An existing file is an error unless overwriting is asked for.
    OutputFile(const std::string& path, IfExists if_exists);
    ~OutputFile();
    OutputFile(const OutputFile&) = delete;
    OutputFile& operator=(const OutputFile&) = delete;

    // Writes all of `bytes`. Throws FileError, for example when the disk is full; what was written before
    // stays.
    void write(std::span<const std::byte> bytes);
    // Writes `size` zeros: as a hole, which takes no space, in a file that can have one. Throws as write()
    // does.
    void write_zeros(uint64_t size);
    // Closes the file and throws FileError when that fails. Further writes are an error. Without this call
    // the destructor closes the file, and a failure is not reported.
    void close();
    // Bytes written so far.
    uint64_t offset() const { return offset_; }
    const std::string& path() const { return path_; }

  private:
    // Whether what is skipped reads as zeros: at the end of a regular file that is not appended to.
    bool can_skip() const;

    std::string path_;
    int descriptor_;
    uint64_t offset_ = 0;
};

// A whole file, mapped read-only. A file that shrinks while mapped raises SIGBUS, as with every mmap; traces
// and recordings are append-only, so this does not happen to them in use.
class MappedFile {
  public:
    // Throws FileError when it cannot be read or is not a regular file.
    explicit MappedFile(const std::string& path);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(data_), size_}; }
    const std::string& path() const { return path_; }
    // Gives the memory of these bytes of the file back, as far as whole pages lie in them. The bytes can be read as
    // before; the first access to a page then costs a page fault.
    void give_back(std::span<const std::byte> part) const;

  private:
    std::string path_;
    void* data_ = nullptr;
    size_t size_ = 0;
};

}  // namespace panda
