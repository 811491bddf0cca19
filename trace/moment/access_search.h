// Finds what accessed a piece of memory: every access, the next one, or the one before.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "trace/moment/last_write.h"
#include "trace/pass/shard_runner.h"
#include "trace/reading/reader.h"

namespace panda::trace {

enum class SearchFor : uint8_t { reads, writes, both };

// An access to a piece. Of a load, `kind` is store or helper, for the code's own or the processor's.
struct PieceAccess {
    Write access;
    uint64_t asid = 0;  // the address space in force
    bool load = false;
    bool value_known = true;  // of a load: memory was known there
};

// Goes through a trace chunk by chunk, and decodes only those that may have such an access: for writes, those that list
// one of the piece's pages; for reads, those in which a translation leads there. A chunk takes about 5 µs if it is passed
// by, and a pass over it if not. Files only.
class AccessSearch {
  public:
    // reader: must outlive this. Throws Error when the piece is not inside guest memory, FileError for a damaged trace and
    // for one without the values of stores.
    AccessSearch(TraceReader& reader, const MemoryPiece& piece, SearchFor what);
    ~AccessSearch();
    AccessSearch(const AccessSearch&) = delete;
    AccessSearch& operator=(const AccessSearch&) = delete;

    // Calls visit for each access in the range, in the order of time, until it returns false. An access that crosses a
    // page counts for each of the pages.
    void forward(const InstrRange& range, const std::function<bool(const PieceAccess&)>& visit);
    // The last access before an instruction; nothing if there is none.
    std::optional<PieceAccess> previous(uint64_t before);

    uint64_t chunks_passed() const { return chunks_passed_; }
    uint64_t chunks_decoded() const { return chunks_decoded_; }
    // Whether instructions were left out in what was gone through, so that accesses may be missing.
    bool saw_gap() const { return saw_gap_; }

  private:
    class Walker;
    struct Page {
        BlockPage page;
        std::vector<PhysicalPage> frames;
    };

    bool may_access(const Chunk& chunk);
    void decode(const Chunk& chunk);

    TraceReader& reader_;
    MemoryPiece piece_;
    SearchFor what_;
    std::vector<Page> pages_;
    std::unique_ptr<Walker> walker_;
    uint64_t chunks_passed_ = 0;
    uint64_t chunks_decoded_ = 0;
    bool saw_gap_ = false;
};

}  // namespace panda::trace
