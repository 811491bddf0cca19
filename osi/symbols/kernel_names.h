// Names of a kernel and its modules, by the tables that it has in its own memory.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "osi/provider.h"
#include "osi/symbols/place.h"
#include "osi/symbols/symbol_files.h"
#include "osi/symbols/symbol_index.h"

namespace panda::osi {

class KernelNames {
  public:
    // Reads the kernel's own symbols at `point`, which takes about 0.1 s. files: may have the kernel's DWARF, as a file
    // named vmlinux or vmlinux-RELEASE; must outlive this.
    KernelNames(const Provider& provider, const Point& point, SymbolFiles& files);

    // What a symbol is in: of the kernel itself or of a module.
    struct Hit {
        const std::string* module;
        SymbolIndex::Hit symbol;
    };
    // The symbol that has the address. If none has, and the address's page was not asked for yet, looks at `point`
    // whether there are new modules.
    std::optional<Hit> find(const Provider& provider, const Point& point, uint64_t address);
    // The line of the kernel's own code.
    std::optional<SourceLine> line(uint64_t address);

    // Whether an address can be the kernel's.
    bool may_have(uint64_t address) const { return address >= lowest_; }
    // Why there are fewer names than could be; empty if there are not.
    const std::string& warning() const { return warning_; }

  private:
    struct LoadedModule {
        std::string name;
        SymbolIndex symbols;
    };
    void load_modules(const Provider& provider, const Point& point);
    std::optional<Hit> find_loaded(uint64_t address) const;
    void open_file(SymbolFiles& files);

    SymbolIndex kernel_;
    uint64_t lowest_ = 0;  // the lowest address of a symbol in the image
    uint64_t end_ = 0;     // of the image
    std::string warning_;
    std::map<std::pair<uint64_t, uint64_t>, std::unique_ptr<LoadedModule>>
        modules_;                // by descriptor and base
    std::set<uint64_t> missed_;  // pages
    SymbolFiles& files_;
    bool looked_for_file_ = false;
    std::shared_ptr<ElfFile> file_;
    uint64_t slide_ = 0;  // of the kernel against file_
};

}  // namespace panda::osi
