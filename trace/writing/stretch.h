// Stretches: chunks that several threads make at once. A chunk needs nothing of the one before, so who knows
// the machine where a stretch of execution begins can have it encoded beside others;
// TraceWriter::append_stretch puts them in order.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "trace/writing/chunk_builder.h"
#include "trace/writing/chunk_encoding.h"

namespace panda::trace {

struct StretchStart {
    uint64_t instr = 0;
    uint64_t address_space = 0;         // CR3
    std::vector<uint32_t> memory_maps;  // as TraceWriter::memory_maps()
    ChunkStart chunk;
};

// The chunks of a stretch: usually one, and more when it was longer than a chunk may be.
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

    // The next stretch, which need not follow the last one.
    void begin(const StretchStart& start) {
        builder_.begin_at(start.instr);
        builder_.begin_in_address_space(start.address_space);
        builder_.set_memory_maps(start.memory_maps);
        builder_.open_with(start.chunk);
    }
    // What executions, inner events and events go to, and the blocks' definitions, in order of their ids.
    ChunkBuilder& builder() { return builder_; }
    // The stretch is over. A stretch in which nothing happened has no chunks.
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
