// The encoder makes messages of what the writer collected, in order. It runs on a thread of its own.
// Internal.
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

// What the writer hands over. Each of these becomes messages; EndWork becomes the index and the end.
struct DefinitionsWork {
    uint32_t first_id = 0;
    std::vector<BlockDefinition> definitions;  // checked by check_definition()
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
    std::vector<uint32_t> memory_maps;  // by physical address space: number + 1, 0 = none
};
struct PagesWork {
    uint32_t snapshot = 0;
    uint32_t block = 0;
    std::vector<uint32_t> pages;
    Bytes content;  // of `pages`; empty after compress_pages()
    std::vector<uint32_t> zero_pages;
    std::vector<EncodedColumn> columns;  // the content, compressed; empty before compress_pages()
};
// Compresses the pages, unless that was done before. The encoder calls this; a thread that would have to wait
// for the encoder can call it first. level: zstd's.
void compress_pages(PagesWork& work, int level);
struct SnapshotEndWork {
    uint32_t snapshot = 0;
    uint64_t page_count = 0;
    uint32_t message_count = 0;
};
struct EndWork {
    uint64_t instr_end = 0;  // instructions executed at the trace's end
};
using Work = std::variant<DefinitionsWork, MemoryMapWork, ChunkWork, std::future<EncodedStretch>,
                          SnapshotWork, PagesWork, SnapshotEndWork, EndWork>;

class Encoder {
  public:
    // Creates the file and writes the header. Throws FileError when it cannot be created.
    Encoder(const std::string& path, const TraceHeader& header, const WriterOptions& options);

    // Encodes and writes one piece of work; waits for a stretch. Throws FileError when the file cannot be
    // written, and the exception that a stretch failed with.
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
    Contents contents_;  // what was written and where; becomes the index
};

}  // namespace panda::trace
