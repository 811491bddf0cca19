#include "osi/provider.h"

namespace panda::osi {

List<OpenSocket> Provider::sockets(const Point&, const ProcessHandle&) const {
    return {};
}

std::optional<Socket> Provider::socket(const Point&, const ProcessHandle&, int64_t) const {
    return std::nullopt;
}

List<Socket> Provider::known_sockets(const Point&) const {
    return {};
}

List<KernelSymbol> Provider::kernel_symbols(const Point&) const {
    return {};
}

List<KernelSymbol> Provider::module_symbols(const Point&, const Module&) const {
    return {};
}

}  // namespace panda::osi
