// The log of a run of lifted blocks: which blocks ran, what memory they reached, and which way each conditional branch
// of their LLVM functions went. With the module of these functions it tells every step of the run.
//
// The file (docs/man/panda-analyze-llvm_trace.1 has the same for readers in other languages) has a head of 16 bytes,
//
//     8 bytes   "PANDALLT"
//     u32       version, 1
//     u32       0
//
// and then records of 16 bytes, all numbers little-endian:
//
//     u8 kind, u8 size, u16 instruction, u32 block, u64 value
//
//     kind 1, block    size: 1 if it ended as the trace says, 0 if not or if that is not known; instruction: how many were
//                      executed; block: its number; value: instr at its start
//     kind 2, load     size: bytes; instruction: 0; block: 0; value: the linear address
//     kind 3, store    the same
//     kind 4, branch   size: 1 if the condition was true; the rest 0
//
// Records of accesses and branches belong to the last block before them, in the order in which they happen.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/file.h"

namespace panda::lift {

enum class LogKind : uint8_t { block = 1, load = 2, store = 3, branch = 4 };

struct LogRecord {
    LogKind kind = LogKind::block;
    uint8_t size = 0;
    uint16_t instructions = 0;
    uint32_t block = 0;
    uint64_t value = 0;
    bool operator==(const LogRecord&) const = default;
};

class LogWriter {
  public:
    // Throws FileError when the file cannot be made, or is there and must not be overwritten; so do the others when it cannot be
    // written.
    LogWriter(const std::string& path, IfExists if_exists);
    void write(const LogRecord& record);
    void close();

  private:
    void flush();

    OutputFile file_;
    std::vector<std::byte> buffer_;
};

class LogReader {
  public:
    // bytes: of the whole file; must outlive this. name: for errors. Throws FileError when it is not such a log.
    LogReader(std::span<const std::byte> bytes, std::string name);
    // The next record; nothing at the end. Throws FileError when it is damaged: a kind, a size or a number that no log has, or a
    // record that is cut short.
    std::optional<LogRecord> next();

  private:
    std::span<const std::byte> bytes_;
    std::string name_;
    size_t at_ = 0;
    bool in_block_ = false;
};

}  // namespace panda::lift
