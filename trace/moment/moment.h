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

// What will be read of memory: decides how it is got from a file.
enum class MomentReads : uint8_t {
    some,  // looks pages up when they are read
    most,  // goes through everything since the last snapshot at once
};

// Of a file, memory is looked up when it is read (MemoryAt), unless most of it will be. A pipe is read up to
// the moment, with memory kept current from the last snapshot on. Where the trace does not hold what was
// stored, the moments of its snapshots are known.
class Moment {
  public:
    // reader: where nothing was read yet; outlives this. instr: the machine right before that instruction;
    // nothing: at the trace's end. progress: told the instructions gone by in a pipe. Throws FileError when
    // the trace does not reach the moment or does not tell memory there.
    Moment(TraceReader& reader, std::optional<uint64_t> instr, MomentReads reads = MomentReads::some,
           const std::function<void(uint64_t)>& progress = {});
    ~Moment();
    Moment(const Moment&) = delete;
    Moment& operator=(const Moment&) = delete;

    uint64_t instr() const { return instr_; }
    // Throws FileError when pages that it needs are damaged.
    const MappedMemory& memory() const { return *memory_; }
    // As far as the trace tells: see CpuTracker.
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
