// Finds the chunks of a recording, and reads them one by one, verifying their checksums.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/bytes.h"
#include "common/file.h"
#include "recorder/format/container.h"

namespace panda::recording {

struct ChunkPlace {
    ChunkHeader header;
    uint64_t offset = 0;  // of the chunk header in the file
};

class ChunkReader {
  public:
    // Maps the file and walks the chunk headers, up to the last whole chunk. Throws FileError when the file
    // is not a recording, when a chunk header is damaged or when something follows the trailer.
    explicit ChunkReader(const std::string& path);

    const std::vector<ChunkPlace>& chunks() const { return chunks_; }
    // Whether the file ends with a trailer.
    bool complete() const;
    // The chunk's content. May be called from several threads. Throws FileError when it is damaged.
    Bytes read(const ChunkPlace& chunk) const;

    // Throws a FileError that names the chunk.
    [[noreturn]] void fail(const ChunkPlace& chunk, const std::string& reason) const;
    const std::string& path() const { return file_.path(); }
    // In bytes.
    uint64_t file_size() const { return file_.bytes().size(); }

  private:
    void walk();

    MappedFile file_;
    std::vector<ChunkPlace> chunks_;
};

}  // namespace panda::recording
