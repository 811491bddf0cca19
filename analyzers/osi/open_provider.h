// Which introspection a trace's guest needs, as the command line says or as its memory shows.
#pragma once

#include <optional>
#include <string>

#include "analyzers/osi/moment.h"
#include "analyzers/osi/os_name.h"
#include "osi/linux/osi_linux.h"

namespace panda::analyze_osi {

struct ProviderOptions {
    std::string kconf;         // path; empty = the default one, if it is there and knows the kernel
    std::string group;         // in it; empty = the one that fits the guest
    std::optional<OsName> os;  // what the guest must be
    bool load_now = false;     // fail unless the kernel is found at the moment itself
    std::string directory;     // of the running program, for the default kernelinfo.conf
};

// The provider for the kernel that runs at the moment. With neither kconf nor group, and for a kernel that
// the default file does not know, by what the kernel carries in memory. When it is not found there, as early
// in a boot, and load_now is not set, it is looked for at the later snapshots of the trace, which a pipe has
// not. Throws Error naming file, group, key and the kernel found.
osi::linux_guest::OsiLinux open_provider(const ProviderOptions& options, const Moment& moment);

}  // namespace panda::analyze_osi
