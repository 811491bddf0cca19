// Proves a trace. Guest memory, rebuilt from the first snapshot and everything that was stored since, must be
// equal to each later snapshot, page by page. Each block must follow from the one before, and must have been
// translated for the mode that the processor is in. Instruction counts must add up.
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
    unsigned threads = 0;  // 0: as many as the host runs at once
    size_t listed = 10;    // how many failures of each kind are described
    bool blame = true;     // looks for what last wrote a byte that differs (files only)
    std::function<void(uint64_t)> progress = {};  // gets how many instructions were verified so far
};

// A page that differs from a snapshot.
struct PageDifference {
    uint32_t snapshot = 0;
    uint64_t from_instr = 0;          // instr of the snapshot before
    uint64_t to_instr = 0;            // instr of this snapshot
    uint32_t block = 0;               // memory block
    uint64_t offset = 0;              // of the first byte that differs
    uint32_t bytes = 0;               // how many differ in this page
    uint8_t expected = 0;             // that byte in the snapshot
    uint8_t found = 0;                // that byte as stores made it
    std::optional<Write> last_write;  // to that byte, as far as the trace knows
};

// A block that does not follow from the one before.
struct BrokenLink {
    uint64_t instr = 0;  // that of the later block
    uint64_t previous_pc = 0;
    uint32_t previous_executed = 0;  // instructions of the previous block
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
    uint64_t snapshots_compared = 0;  // those compared with rebuilt memory
    // Pages that were stored to or that a snapshot lists, compared byte by byte. All others cannot differ
    // then.
    uint64_t pages_compared = 0;
    uint64_t pages_covered = 0;  // pages of the guest, times snapshots compared
    uint64_t bytes_read = 0;     // of the file
    std::string not_compared;    // why some memory was not compared; empty if all was
    uint64_t differing_pages = 0;
    std::vector<PageDifference> differences;  // the first ones
    uint64_t broken_links = 0;
    std::vector<BrokenLink> links;            // the first ones
    uint64_t lost_stores = 0;                 // stores that no translation leads anywhere
    uint64_t unlisted_pages = 0;              // pages that a chunk stores to and does not list
    uint64_t wrong_modes = 0;                 // executions of blocks translated for another mode
    uint64_t registers_checked = 0;           // how many registers at the start of executions
    uint64_t wrong_registers = 0;             // executions that start with wrong registers
    std::vector<std::string> contradictions;  // sums that do not add up
    std::string flaw;                         // why the trace is not whole; empty if it is

    // Whether nothing is wrong in what is there of the trace.
    bool part_passed() const {
        return differing_pages == 0 && broken_links == 0 && lost_stores == 0 && unlisted_pages == 0 &&
               wrong_modes == 0 && wrong_registers == 0 && contradictions.empty();
    }
    // Whether nothing is wrong, and the trace is whole.
    bool passed() const { return part_passed() && flaw.empty(); }
};

// Verifies a whole trace. reader: nothing may have been read from it yet. A file is verified in parallel, in
// parts that start and end at snapshots. A part starts from the snapshot that the part before must prove
// equal, so together they prove the whole trace. Throws FileError for damage (checksums, columns that do not
// decode). Each thread takes memory for the guest's pages that are not zero, and for the pages of a chain of
// snapshots, compressed.
VerifyReport verify(TraceReader& reader, const VerifyOptions& options);

}  // namespace panda::trace
