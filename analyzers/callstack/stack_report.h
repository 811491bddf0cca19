// Stacks for people and programs to read.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "analyzers/callstack/shadow_stacks.h"
#include "analyzers/pandalog/pandalog_file.h"
#include "osi/provider.h"
#include "osi/symbols/symbolizer.h"
#include "trace/pass/pass_state.h"

namespace panda::callstack {

// A frame with the name of the code that called.
struct NamedFrame {
    Frame frame;
    std::optional<osi::Place> name = {};
};

// The stack at a moment.
struct StackSample {
    uint64_t instr = 0;
    uint64_t pc = 0;  // linear
    uint64_t asid = 0;
    uint64_t thread = 0;                  // ShadowStacks::thread()
    std::optional<osi::Place> name = {};  // of pc
    std::vector<NamedFrame> frames = {};  // innermost first
    std::optional<uint64_t> mark = {};    // the number that the guest gave this moment
};

// Names addresses as a pass over a trace goes on, in the process that runs then.
class PassNames {
  public:
    // provider: null for no names. directories: see osi::SymbolFiles.
    PassNames(std::shared_ptr<const osi::Provider> provider, const std::vector<std::string>& directories);

    // Looks at the moment that the pass has reached. state: with PassNeeds::memory.
    void go_to(const trace::PassState& state);
    // The name of an address at that moment; nothing if it has none.
    std::optional<osi::Place> find(uint64_t address);
    // The calling code: a return address may be the start of the next function.
    std::optional<osi::Place> find_caller(uint64_t return_address);

  private:
    std::shared_ptr<const osi::Provider> provider_;
    bool lines_;
    std::unique_ptr<osi::Symbolizer> symbolizer_;
    trace::CpuState cpu_;
    const trace::PhysicalMemory* memory_ = nullptr;  // null: not known
    osi::ProcessHandle process_;
};

// The stack as it is now, at most `depth` frames.
StackSample take_sample(const trace::PassState& state, const ShadowStacks& stacks, uint64_t pc, size_t depth,
                        PassNames& names);

void write_text(std::ostream& out, const StackSample& sample);
// Writes a JSON object of kind "stack".
void write_json(std::ostream& out, const StackSample& sample);
// Appends an entry callStack.
void write_pandalog(pandalog::PandalogFile& file, const StackSample& sample);

}  // namespace panda::callstack
