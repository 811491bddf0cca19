#include "analyzers/coverage/selection.h"

#include <algorithm>

#include "common/error.h"
#include "common/numbers.h"

namespace panda::coverage {

PcRange parse_pc_range(const std::string& option, const std::string& text) {
    const size_t dash = text.find('-');
    if (dash == std::string::npos)
        throw UsageError(option + " takes START-END, not \"" + text + "\"");
    const PcRange range{parse_number(option, text.substr(0, dash)),
                        parse_number(option, text.substr(dash + 1))};
    if (range.to <= range.from)
        throw UsageError(option + ": there is nothing in the range " + text);
    return range;
}

bool Selection::takes(const trace::BlockView& block) const {
    if (privilege != Privilege::any && (privilege == Privilege::user) != is_user(block))
        return false;
    const uint64_t first = block.pc;
    const uint64_t last = block.pc + std::max<uint64_t>(block.guest_size, 1) - 1;
    const bool included =
        include.empty() || std::any_of(include.begin(), include.end(), [&](const PcRange& range) {
            return first >= range.from && last < range.to;
        });
    return included && std::none_of(exclude.begin(), exclude.end(), [&](const PcRange& range) {
               return last >= range.from && first < range.to;
           });
}

}  // namespace panda::coverage
