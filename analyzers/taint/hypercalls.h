// Labels and questions of the guest's own programs: PANDA's taint hypercalls, which are CPUIDs with a command in rax.
//
//   6   enables the others                  9   asks about a byte at rbx + rcx: rdx 1: must have label rdi, 0: must not
//   7   labels rcx bytes at rbx with rdi    10  labels byte rcx of register rbx with rdi
//   8   the same, byte i with rdi + i       11  asks about it, as 9
//   12  logs the string of rbx - 1 bytes at rcx
//
// Here CPUID executes, so that 10 takes effect behind its results, and 11 asks about registers as they are then: rax to
// rdx are clean.
// LAVA's packet (44 bytes at rax, which begin with 0xabcd) labels and asks likewise.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analyzers/taint/taint_pass.h"

namespace panda::taint {

// The answer to a question of the guest, or a line that it logged.
struct HypercallAnswer {
    uint64_t instr = 0;
    uint64_t pc = 0;
    bool is_log = false;
    bool failed = false;  // the guest expected another answer
    std::string text;
};

class Hypercalls {
  public:
    // Adds itself to the pass, which must outlive this.
    explicit Hypercalls(TaintPass& pass);
    Hypercalls(const Hypercalls&) = delete;
    Hypercalls& operator=(const Hypercalls&) = delete;

    const std::vector<HypercallAnswer>& answers() const { return answers_; }

  private:
    void take(const trace::Event& event, const trace::Cpuid& call);
    bool take_packet(const trace::Event& event, const trace::Cpuid& call);
    void label(uint64_t address, uint64_t size, uint64_t label, bool positions);
    void ask(const trace::Event& event, const trace::Cpuid& call, ByteTaint taint, const std::string& what);
    std::optional<int64_t> register_byte(const trace::Cpuid& call);
    Tag tag(uint64_t label);

    TaintPass& pass_;
    bool enabled_ = false;
    std::vector<HypercallAnswer> answers_;
};

}  // namespace panda::taint
