// Names addresses: which function of which file is at an address in a process, at a moment of a guest.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "osi/provider.h"
#include "osi/symbols/guest_elf.h"
#include "osi/symbols/kernel_names.h"
#include "osi/symbols/place.h"
#include "osi/symbols/symbol_files.h"

namespace panda::osi {

// A function, or what stands for one: a module whose functions are not known.
using FunctionId = uint32_t;

// Names of the kernel and its modules come from the tables in the kernel's memory. Names of programs and libraries come
// from files below the directories that the user names, and otherwise from .dynsym as the guest has it mapped. What was
// found out about a file is kept by build id, so processes share it.
//
// One Symbolizer is for one guest and one thread. It remembers what is mapped where in each process until forget() is
// called, or until an address is asked for that was not mapped. So a pass over a trace should call forget() for a
// process that executes another program.
class Symbolizer {
  public:
    // directories: see SymbolFiles.
    explicit Symbolizer(std::vector<std::string> directories = {});
    Symbolizer(const Symbolizer&) = delete;
    Symbolizer& operator=(const Symbolizer&) = delete;

    // The address's name. process: whose address space it is; a kernel's address needs none. Never throws because of
    // what guest memory holds. Costs about a microsecond for modules that are known; the first name of a kernel takes
    // about 0.1 s. lines: whether to look for the source line too.
    Place place(const Provider& provider, const Point& point, const ProcessHandle& process, uint64_t address,
                bool lines = false);

    // Reads the kernel's symbols now, at a moment at which the kernel runs. A pass that begins before that needs it.
    void read_kernel(const Provider& provider, const Point& point);

    // Where an address is in a file that the process has mapped.
    struct InFile {
        std::string path;
        uint64_t base = 0;              // linear address of where the file lies
        uint64_t end = 0;               // one past its last segment; at least the address
        uint64_t linked = 0;            // the address at link time
        std::shared_ptr<ElfFile> file;  // with the symbols and lines; null if no such file was found
    };
    // Nothing for an address of the kernel, or of memory without a file.
    std::optional<InFile> in_file(const Provider& provider, const Point& point, const ProcessHandle& process,
                                  uint64_t address);

    // The same as a number, for those that count: equal for equal module and function.
    struct Located {
        FunctionId function = 0;  // 0: not known
        uint64_t offset = 0;      // as Place::offset
    };
    Located locate(const Provider& provider, const Point& point, const ProcessHandle& process,
                   uint64_t address);
    // Module and function of a number; the offset is 0.
    const Place& function(FunctionId id) const { return functions_[id]; }

    // The process has other memory now.
    void forget(const ProcessHandle& process) { spaces_.erase(process.task); }
    // Another kernel runs.
    void forget_all();

    // Why there are fewer names than could be; empty if there are not.
    std::string warning() const { return kernel_ ? kernel_->warning() : std::string(); }

  private:
    // An ELF file, whatever processes have it mapped.
    struct Module {
        std::string name;
        std::vector<LoadSegment> segments;
        SymbolIndex symbols;
        std::shared_ptr<ElfFile> file;  // null: no such file was found
        bool complete = true;           // false: looking again later may give more
        unsigned attempts = 0;
        std::unordered_map<uint64_t, FunctionId>
            functions;  // by link-time address; ~0: the module as a whole
    };
    struct Mapped {
        uint64_t start, end;
        uint64_t offset;  // bytes, into the file
        std::shared_ptr<Module> module;
    };
    struct Space {
        uint64_t asid = 0;
        std::vector<Mapped> mappings;  // ascending
        std::map<uint64_t, unsigned> missed;
    };
    struct Found;

    Found find(const Provider& provider, const Point& point, const ProcessHandle& process, uint64_t address);
    Found find_in_kernel(const Provider& provider, const Point& point, uint64_t address);
    Space& space_of(const Provider& provider, const Point& point, const ProcessHandle& process,
                    uint64_t address);
    void read_space(const Provider& provider, const Point& point, const ProcessHandle& process, Space& space);
    std::shared_ptr<Module> module_at(const ReadGuest& read, const std::string& name, uint64_t base);
    FunctionId number(std::unordered_map<uint64_t, FunctionId>& known, uint64_t key,
                      const std::string& module, std::string_view symbol);

    SymbolFiles files_;
    std::optional<KernelNames> kernel_;
    std::unordered_map<uint64_t, Space> spaces_;                 // by task
    std::map<std::string, std::shared_ptr<Module>> modules_;     // by build id, or else by name
    std::map<std::string, std::string> keys_;                    // in modules_, of the last file of a name
    std::vector<Place> functions_ = std::vector<Place>(1);       // by FunctionId
    std::unordered_map<uint64_t, FunctionId> kernel_functions_;  // by address
};

}  // namespace panda::osi
