#include "osi/linux/list.h"

#include <unordered_set>

#include "common/hex.h"

namespace panda::osi::linux_guest {
namespace {

std::string sentence(const char* what, uint64_t address) {
    return std::string(what) + " at " + hex(address);
}

}  // namespace

std::string walk_list(const KernelMemory& memory, uint64_t head, const std::function<bool(uint64_t)>& visit) {
    std::unordered_set<uint64_t> seen;
    uint64_t node = memory.wrap(head);
    for (;;) {
        const auto next = memory.pointer(node);
        if (!next)
            return sentence("the list cannot be read", node);
        if (*next == memory.wrap(head))
            return {};
        if (!memory.is_kernel_address(*next))
            return sentence("the list leads out of the kernel", node);
        if (!seen.insert(*next).second)
            return sentence("the list runs in a circle", node);
        if (seen.size() > max_list)
            return "the list is longer than any list can be";
        node = *next;
        if (!visit(node))
            return {};
    }
}

}  // namespace panda::osi::linux_guest
