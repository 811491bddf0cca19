// Which files each process has mapped; PANDA's plugin loaded_libs.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "osi/events.h"

namespace panda::processes {

// A file that is mapped, with all of its parts.
struct MappedFile {
    std::string file;  // path
    uint64_t base = 0;
    uint64_t size = 0;  // bytes, from the first part's start to the last one's end

    bool operator==(const MappedFile&) const = default;
};

// Files of a list of mappings, by ascending base.
std::vector<MappedFile> files_of(const std::vector<osi::Mapping>& mappings);

struct Libraries {
    int64_t pid = 0;
    std::string name;
    uint64_t asid = 0;
    uint64_t instr = 0;  // when this was seen
    std::vector<MappedFile> files;
};

// Looks at a process when it gets the processor, is about to execute another program, and exits, and keeps the longest
// list for each address space and name.
class LibraryWatch final : public osi::EventListener {
  public:
    // only: the name of the process to look at; empty: all.
    explicit LibraryWatch(std::string only) : only_(std::move(only)) {}

    void on_start(const osi::EventPoint& at, const osi::Provider& provider) override;
    void on_task_change(const osi::EventPoint& at, const osi::Thread& thread) override;
    void on_finished_process(const osi::EventPoint& at, const osi::Process& process) override;

    // By address space and name, as they were first seen.
    const std::vector<Libraries>& found() const { return found_; }

  private:
    void look_at(const osi::EventPoint& at, const osi::Process& process);

    std::string only_;
    const osi::Provider* provider_ = nullptr;
    std::vector<Libraries> found_;
    std::map<std::pair<uint64_t, std::string>, size_t> numbers_;  // by address space and name
};

}  // namespace panda::processes
