// The encoder: turns what the writer collected into messages, in order, on a thread of its own. Internal.
#pragma once

#include <cstdint>
#include <future>
#include <string>
#include <variant>
#include <vector>

#include "common/bytes.h"
#include "common/file.h"
#include "trace/coding/definition_codec.h"
#include "trace/contents.h"
#include "trace/cpu_state.h"
#include "trace/format/message.h"
#include "trace/types.h"
#include "trace/writing/chunk_builder.h"
#include "trace/writing/stretch.h"
#include "trace/writing/writer.h"

namespace panda::trace {

// What the writer hands over. Each becomes messages, the last one the index and the end.
struct DefinitionsWork {
    uint32_t first_id = 0;
    std::vector<BlockDefinition> definitions;  // checked
};
struct MemoryMapWork {
    uint32_t number = 0;
    MemoryMap map;
};
struct SnapshotWork {
    uint32_t number = 0;
    uint64_t instr = 0;
    SnapshotKind kind = SnapshotKind::full;
    CpuState cpu;
    std::vector<uint32_t> memory_maps;
};
struct PagesWork {
    uint32_t snapshot = 0;
    uint32_t block = 0;
    std::vector<uint32_t> pages;
    Bytes content;  // of `pages`, until compress_pages()
    std::vector<uint32_t> zero_pages;
    std::vector<EncodedColumn> columns;  // the content, compressed: none or one
};
// What the encoder does first, on the thread that calls. Again it does nothing. level: zstd's.
void compress_pages(PagesWork& work, int level);
struct SnapshotEndWork {
    uint32_t snapshot = 0;
    uint64_t page_count = 0;
    uint32_t message_count = 0;
};
struct EndWork {
    uint64_t instr_end = 0;
};
using Work = std::variant<DefinitionsWork, MemoryMapWork, ChunkWork, std::future<EncodedStretch>,
                          SnapshotWork, PagesWork, SnapshotEndWork, EndWork>;

class Encoder {
  public:
    // Creates the file and writes the header.
    Encoder(const std::string& path, const TraceHeader& header, const WriterOptions& options);

    // Encodes and writes. Throws FileError when the file cannot take it, and what failed in a stretch.
    void encode(Work& work);

  private:
    void write(const DefinitionsWork& work);
    void write(const MemoryMapWork& work);
    void write(const ChunkWork& work);
    void write(std::future<EncodedStretch>& stretch);
    void write(EncodedChunk chunk);
    void write_definitions(uint32_t first_id, const DefinitionEncoder& definitions);
    void write(const SnapshotWork& work);
    void write(PagesWork& work);
    void write(const SnapshotEndWork& work);
    void write(const EndWork& work);
    void write_message(MessageDraft& draft);

    OutputFile file_;
    int level_;
    Contents contents_;  // of what was written: becomes the index
};

}  // namespace panda::trace
