// Proves a trace: guest memory, rebuilt from the first snapshot and everything that was stored since, must be
// equal to each later snapshot, page by page; each block must follow from the one before, and be of the mode
// that the processor is in; sums must add up.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "trace/moment/last_write.h"
#include "trace/reading/reader.h"

namespace panda::trace {

struct VerifyOptions {
    unsigned threads = 0;  // 0: as many as the machine runs at once
    size_t listed = 10;    // of each kind of failure, how many are described
    bool blame = true;     // looks for what last wrote a page that differs (files only)
    std::function<void(uint64_t)> progress = {};  // instructions gone by
};

// A page that is not what a snapshot says.
struct PageDifference {
    uint32_t snapshot = 0;
    uint64_t from_instr = 0;          // of the snapshot before
    uint64_t to_instr = 0;            // of this one
    uint32_t block = 0;               // memory block
    uint64_t offset = 0;              // of the first byte that differs
    uint32_t bytes = 0;               // how many differ in this page
    uint8_t expected = 0;             // by the snapshot
    uint8_t found = 0;                // by the stores
    std::optional<Write> last_write;  // to that byte, as far as the trace knows
};

// A block that does not follow from the one before.
struct BrokenLink {
    uint64_t instr = 0;  // of the later one
    uint64_t previous_pc = 0;
    uint32_t previous_executed = 0;
    uint64_t pc = 0;
};

struct VerifyReport {
    uint64_t first_instr = 0;
    uint64_t end_instr = 0;
    uint64_t chunks = 0;
    uint64_t blocks = 0;  // executions
    uint64_t events = 0;
    uint64_t accesses = 0;
    uint64_t snapshots = 0;           // all
    uint64_t snapshots_compared = 0;  // with memory as it was rebuilt
    uint64_t pages_compared = 0;  // byte by byte: those stored to or listed; all others are the same by that
    uint64_t pages_covered = 0;   // pages of the guest times snapshots compared
    uint64_t bytes_read = 0;      // of the file
    std::string not_compared;     // why some memory was not compared; empty when all was
    uint64_t differing_pages = 0;
    std::vector<PageDifference> differences;  // the first
    uint64_t broken_links = 0;
    std::vector<BrokenLink> links;            // the first
    uint64_t lost_stores = 0;                 // that lead nowhere
    uint64_t unlisted_pages = 0;              // stored to in a chunk that does not list them
    uint64_t wrong_modes = 0;                 // blocks that were translated for another mode
    uint64_t registers_checked = 0;           // of those at the begins of executions
    uint64_t wrong_registers = 0;             // executions that begin with others than events tell
    std::vector<std::string> contradictions;  // sums that do not add up
    std::string flaw;                         // why the trace is not whole; empty when it is

    bool passed() const {
        return differing_pages == 0 && broken_links == 0 && lost_stores == 0 && unlisted_pages == 0 &&
               wrong_modes == 0 && wrong_registers == 0 && contradictions.empty() && flaw.empty();
    }
};

// Verifies from where the reader is: a new one. A file is done in parallel, interval by interval of its
// snapshots: an interval begins with the snapshot that the one before has to prove equal, so together they
// prove the whole. Throws FileError for damage (checksums, columns that do not decode). Memory: for each
// thread the guest's pages that are not zero, and the pages of a chain of snapshots, compressed.
VerifyReport verify(TraceReader& reader, const VerifyOptions& options);

}  // namespace panda::trace
