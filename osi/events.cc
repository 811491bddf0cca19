#include "osi/events.h"

namespace panda::osi {

void WatchedAddresses::add(uint64_t address, const Watch& watch) {
    const auto [at, fresh] = watches_.insert_or_assign(address, watch);
    if (fresh && ++users_[slot(address)] == 1)
        filter_.set(slot(address));
}

void WatchedAddresses::remove(uint64_t address) {
    if (watches_.erase(address) != 0 && --users_[slot(address)] == 0)
        filter_.reset(slot(address));
}

void WatchedAddresses::clear() {
    watches_.clear();
    filter_.reset();
    users_.fill(0);
}

}  // namespace panda::osi
