// Finds the files that have a program's symbols, below directories that the user names.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "osi/symbols/elf_file.h"

namespace panda::osi {

// Looks at DIR/PATH, at the places where distributions put what was stripped off (DIR/.build-id/ab/cdef.debug,
// DIR/usr/lib/debug/…), and at last at every file below DIR, by build id. So a copy of the guest's file system does, a
// directory of debug packages unpacked, or a directory with a few files.
class SymbolFiles {
  public:
    // directories: need not exist.
    explicit SymbolFiles(std::vector<std::string> directories) : directories_(std::move(directories)) {}

    // The best file for what a guest has mapped as `path`: one with .symtab rather than one without. build_id: that of
    // the guest's file; files with another one are passed over. Without it, only names count. Returns null when there
    // is no such file. The first file that is not found where it should be costs a look at all files, at most 2^18.
    std::shared_ptr<ElfFile> find(const std::string& path, const std::string& build_id);

    bool empty() const { return directories_.empty(); }

  private:
    std::vector<std::string> places(const std::string& path, const std::string& build_id) const;
    void scan();

    std::vector<std::string> directories_;
    bool scanned_ = false;
    std::multimap<std::string, std::string> by_build_id_;  // to paths
};

}  // namespace panda::osi
