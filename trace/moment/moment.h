// The machine at one instr of a trace, from a file or from a pipe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "trace/cpu_state.h"
#include "trace/memory/address_space.h"
#include "trace/memory/mapped_memory.h"
#include "trace/reading/reader.h"

namespace panda::trace {

// How much of memory will be read. This decides how a file is gone through.
enum class MomentReads : uint8_t {
    some,  // pages are looked up when they are read
    most,  // everything since the last snapshot is gone through at once
};

// In a file, memory is looked up when it is read (MemoryAt), unless most of it will be read. A pipe is read
// up to the moment, with memory kept current from the first snapshot on. If the trace does not hold the
// values of stores, only the moments of its snapshots are known.
class Moment {
  public:
    // reader: nothing may have been read from it yet; must outlive this. instr: the moment is right before
    // this instruction; nothing means the trace's end. progress: gets how many instructions of a pipe were
    // read. Throws FileError when the trace does not reach the moment, or when memory is not known there.
    Moment(TraceReader& reader, std::optional<uint64_t> instr, MomentReads reads = MomentReads::some,
           const std::function<void(uint64_t)>& progress = {});
    ~Moment();
    Moment(const Moment&) = delete;
    Moment& operator=(const Moment&) = delete;

    uint64_t instr() const { return instr_; }
    // Guest memory. Reading it throws FileError when the trace is damaged where the pages come from.
    const MappedMemory& memory() const { return *memory_; }
    // The registers, as far as the trace has them: see CpuTracker.
    const CpuState& cpu() const { return cpu_; }
    // The address space that the processor is in.
    AddressSpace address_space() const { return {*memory_, cpu_.cr3, paging_of(cpu_)}; }

  private:
    void go_from_snapshot(TraceReader& reader, uint64_t instr);
    void read_through(TraceReader& reader, std::optional<uint64_t> instr,
                      const std::function<void(uint64_t)>& progress);

    std::unique_ptr<MappedMemory> memory_;
    CpuState cpu_;
    uint64_t instr_ = 0;
};

}  // namespace panda::trace
