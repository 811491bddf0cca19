#include "analyzers/strings/string_search.h"

namespace panda::strings {

uint32_t StringSearch::search(const taps::TapAccess& access, uint32_t state) const {
    uint64_t address = access.access.address;
    for (const uint8_t byte : access.bytes()) {
        state = strings_->next(state, byte, [&](uint32_t string) { on_match_({access, address, string}); });
        ++address;
    }
    return state;
}

}  // namespace panda::strings
