#include "osi/provider.h"

namespace panda::osi {

List<OpenSocket> Provider::sockets(const Point&, const ProcessHandle&) const {
    return {};
}

std::optional<Socket> Provider::socket(const Point&, const ProcessHandle&, int64_t) const {
    return std::nullopt;
}

}  // namespace panda::osi
