// Virtual memory of the guest: trace/memory/address_space.h, by the names that introspection uses.
#pragma once

#include "trace/memory/address_space.h"

namespace panda::osi {

using trace::AddressSpace;
using trace::Paging;
using trace::paging_of;

}  // namespace panda::osi
