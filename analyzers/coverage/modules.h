// Which file or part of the kernel each covered block belongs to.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "analyzers/coverage/collector.h"
#include "osi/symbols/symbolizer.h"

namespace panda::coverage {

// A file that a process has mapped, the kernel, or a module of it.
struct Module {
    std::string path;   // "kernel" for the kernel itself
    uint64_t base = 0;  // where it lies: linear address
    uint64_t end = 0;
    std::shared_ptr<osi::ElfFile> file = nullptr;  // with its symbols and lines, or null

    bool operator<(const Module& other) const {
        return std::tie(path, base) < std::tie(other.path, other.base);
    }
};

struct BlockPlace {
    uint32_t module = 0;     // index
    uint64_t linked = 0;     // link-time address, for lines; in the kernel the address itself
    uint64_t in_module = 0;  // bytes from its base
};

class ModuleFinder {
  public:
    // directories: with programs and debug files of the guest.
    explicit ModuleFinder(std::vector<std::string> directories) : symbolizer_(std::move(directories)) {}

    struct Key {
        Space space;
        uint32_t id = 0;
        auto operator<=>(const Key&) const = default;
    };
    // Looks where a block is, and remembers it.
    void find(const osi::Provider& provider, const osi::Point& point, const osi::ProcessHandle& process,
              const Key& key, uint64_t pc);
    // What was found; nothing if the block is in no file.
    std::optional<BlockPlace> place(const Key& key) const;

    const std::vector<Module>& modules() const { return modules_; }

    void forget(const osi::ProcessHandle& process) { symbolizer_.forget(process); }
    void forget_all() {
        symbolizer_.forget_all();
        kernel_.clear();
        missed_.clear();
        kernel_known_ = false;
    }

  private:
    uint32_t number(Module module);
    std::optional<BlockPlace> find_in_kernel(const osi::Provider& provider, const osi::Point& point,
                                             uint64_t pc);
    void read_kernel(const osi::Provider& provider, const osi::Point& point);

    osi::Symbolizer symbolizer_;
    std::vector<Module> modules_;
    std::map<Module, uint32_t> numbers_;
    std::map<Key, BlockPlace> places_;
    std::map<uint64_t, Module> kernel_;  // by base
    bool kernel_known_ = false;
    std::set<uint64_t> missed_;  // pages of the kernel that belong to no module
};

}  // namespace panda::coverage
