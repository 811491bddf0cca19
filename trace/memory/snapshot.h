// The machine at one moment of a trace.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "trace/cpu_state.h"
#include "trace/types.h"

namespace panda::trace {

struct PageGroup;

// Cheap to copy. Its pages stay compressed until GuestMemory needs them. It keeps the bytes alive that it
// needs: from a file they are mapped, from a pipe they are held in memory, compressed.
class Snapshot {
  public:
    uint32_t number = 0;  // from 0, in order
    uint64_t instr = 0;
    SnapshotKind kind = SnapshotKind::full;
    CpuState cpu;
    std::vector<MemoryMap> memory_maps;  // those in force, by physical address space
    uint64_t page_count = 0;             // pages that it lists, zero pages too
    uint64_t file_bytes = 0;             // size of all its messages

    // Calls function(block, page number in the block) for every page that it lists, zero pages too.
    void for_each_page_number(const std::function<void(uint32_t, uint64_t)>& function) const;

  private:
    friend class SnapshotReader;
    friend class GuestMemory;
    std::shared_ptr<const std::vector<PageGroup>> groups_;
};

}  // namespace panda::trace
