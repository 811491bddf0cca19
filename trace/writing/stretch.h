// Stretches: parts of a trace that several threads encode at once. A chunk needs nothing from the chunk
// before, so a stretch of execution can be encoded as soon as the state of the machine at its start is known.
// TraceWriter::append_stretch puts stretches in order.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "trace/writing/chunk_builder.h"
#include "trace/writing/chunk_encoding.h"

namespace panda::trace {

// What is known where a stretch starts.
struct StretchStart {
    uint64_t instr = 0;
    uint64_t address_space = 0;         // CR3
    std::vector<uint32_t> memory_maps;  // as TraceWriter::memory_maps()
    ChunkStart chunk;
};

// The chunks of a stretch: usually one; several if the stretch is longer than a chunk may be.
struct EncodedStretch {
    std::vector<EncodedChunk> chunks;
};

// Encodes one stretch after another, on the thread that calls.
class StretchEncoder {
  public:
    // options: those of the TraceWriter.
    explicit StretchEncoder(const WriterOptions& options)
        : level_(options.compression_level), builder_(options, [this](ChunkWork work) {
              stretch_.chunks.push_back(encode_chunk(work, level_));
          }) {}
    StretchEncoder(const StretchEncoder&) = delete;
    StretchEncoder& operator=(const StretchEncoder&) = delete;

    // Starts the next stretch, which need not follow the last one. Throws Error when the translations are out
    // of order, too many or impossible.
    void begin(const StretchStart& start) {
        builder_.begin_at(start.instr);
        builder_.begin_in_address_space(start.address_space);
        builder_.set_memory_maps(start.memory_maps);
        builder_.open_with(start.chunk);
    }
    // Takes the stretch's executions, inner events and events, and before them the blocks' definitions, in
    // order of their ids.
    ChunkBuilder& builder() { return builder_; }
    // Ends the stretch and returns its chunks: none if nothing happened in it.
    EncodedStretch finish() {
        builder_.seal();
        return std::exchange(stretch_, EncodedStretch());
    }

  private:
    int level_;
    EncodedStretch stretch_;
    ChunkBuilder builder_;
};

}  // namespace panda::trace
