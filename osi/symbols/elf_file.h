// ELF files on disk: programs, libraries, and the files with what was stripped off them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "osi/symbols/guest_elf.h"
#include "osi/symbols/symbol_index.h"

namespace panda::osi {

// A line of source code.
struct SourceLine {
    std::string file;  // as the compiler wrote it
    unsigned line = 0;

    bool operator==(const SourceLine&) const = default;
};

// Code of one line: link-time addresses [start, end).
struct LineRange {
    uint64_t start = 0;
    uint64_t end = 0;
    uint32_t file = 0;  // index into LineTable::files
    unsigned line = 0;
};

// All lines of a file's code.
struct LineTable {
    std::vector<std::string> files;  // as the compiler wrote them
    std::vector<LineRange> ranges;   // by ascending start
};

// Reads through elfutils' libelf and libdw.
class ElfFile {
  public:
    // Opens the file. Throws FileError when it cannot be read, or is not an ELF file of an x86.
    explicit ElfFile(const std::string& path);
    ~ElfFile();
    ElfFile(const ElfFile&) = delete;
    ElfFile& operator=(const ElfFile&) = delete;

    const std::string& path() const;
    // Hexadecimal; empty if it has none.
    const std::string& build_id() const;
    const std::vector<LoadSegment>& segments() const;
    // Whether it has .symtab, rather than .dynsym alone or nothing.
    bool has_symtab() const;
    // Symbols of .symtab and .dynsym, by link-time address; the index is finished. Takes time in proportion to their
    // number. Damaged tables give fewer symbols.
    SymbolIndex symbols() const;
    // The line that made the code at a link-time address; nothing if DWARF does not say so. The first call looks at
    // all compilation units, which takes about 0.1 s for a file of 100 MB.
    std::optional<SourceLine> line(uint64_t address);
    // Every line that DWARF has of the file's code. Takes about a second for a file of 100 MB, and 24 bytes a range, of
    // which there are at most 2^24.
    LineTable lines();
    // Whether there is DWARF with lines.
    bool has_lines() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace panda::osi
