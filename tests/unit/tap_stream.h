// Accesses for the sinks of run_tap_pass(), without a trace.
#pragma once

#include <cstring>
#include <string_view>

#include "analyzers/taps/tap_pass.h"

namespace panda {

class TapStream {
  public:
    TapStream() : state_(header_, blocks_, maps_, trace::PassNeeds::blocks) {}

    // Gives a sink one access of at most 16 bytes.
    template <typename Sink>
    void give(Sink& sink, uint32_t tap, bool write, std::string_view bytes, uint64_t address = 0x1000) {
        trace::Access access;
        access.address = address;
        access.size = static_cast<uint8_t>(bytes.size());
        access.kind = write ? trace::AccessKind::store : trace::AccessKind::load;
        std::memcpy(&access.value, bytes.data(), std::min<size_t>(bytes.size(), 8));
        if (bytes.size() > 8)
            std::memcpy(&access.value_high, bytes.data() + 8, bytes.size() - 8);
        sink.take({tap, write, instr_++, access, stacks_, state_});
    }
    // Gives it all the bytes, `size` at a time.
    template <typename Sink>
    void give_all(Sink& sink, uint32_t tap, bool write, std::string_view bytes, size_t size,
                  uint64_t address = 0x1000) {
        for (; !bytes.empty(); bytes.remove_prefix(std::min(size, bytes.size())), address += size)
            give(sink, tap, write, bytes.substr(0, size), address);
    }

  private:
    trace::TraceHeader header_;
    trace::BlockTable blocks_;
    std::vector<trace::MemoryMap> maps_;
    trace::PassState state_;
    callstack::ShadowStacks stacks_;
    uint64_t instr_ = 0;
};

}  // namespace panda
