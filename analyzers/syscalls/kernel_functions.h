// Finds where the kernel's functions start among block executions.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "analyzers/syscalls/linux_guest.h"
#include "trace/coding/block_table.h"

namespace panda::syscalls {

class KernelFunctions {
  public:
    // blocks: must outlive this, and may grow.
    explicit KernelFunctions(const trace::BlockTable& blocks) : blocks_(blocks) {}

    bool known() const { return !places_.empty(); }
    void set(const std::vector<LinuxGuest::FunctionPlace>& places) { places_ = places; }
    // They are another kernel's from here on.
    void forget() {
        places_.clear();
        kinds_.clear();
    }

    // The function that starts with this block. Takes about 1 ns.
    std::optional<KernelFunction> begun_by(uint32_t block) {
        if (block < kinds_.size() && kinds_[block] == none) [[likely]]
            return std::nullopt;
        return look(block);
    }

  private:
    static constexpr uint8_t unknown = 0, none = 1, first = 2;  // first + the number of a place

    // A block starts at every target of a jump, and so at every function that is called.
    std::optional<KernelFunction> look(uint32_t block) {
        if (places_.empty())
            return std::nullopt;
        if (block >= kinds_.size())
            kinds_.resize(block + 1, unknown);
        if (kinds_[block] == unknown) {
            kinds_[block] = none;
            for (size_t i = 0; i < places_.size(); ++i)
                if (blocks_.pc(block) == places_[i].address)
                    kinds_[block] = static_cast<uint8_t>(first + i);
        }
        return kinds_[block] == none ? std::nullopt : std::optional(places_[kinds_[block] - first].function);
    }

    const trace::BlockTable& blocks_;
    std::vector<LinuxGuest::FunctionPlace> places_;
    std::vector<uint8_t> kinds_;  // by block id
};

}  // namespace panda::syscalls
