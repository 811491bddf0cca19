// Chooses the introspection that a trace's guest needs, by the command line or by the guest's memory.
#pragma once

#include <boost/program_options.hpp>
#include <memory>
#include <optional>
#include <string>

#include "analyzers/osi/os_name.h"
#include "osi/event_follower.h"
#include "osi/linux/osi_linux.h"
#include "trace/moment/moment.h"

namespace panda::analyze_osi {

struct ProviderOptions {
    std::string kconf;         // path of the file to look in first; empty = the default file
    std::string group;         // in that file; empty = the one that fits the guest
    std::optional<OsName> os;  // what must run in the guest
    bool load_now = false;     // fail unless the kernel is found at the moment itself
    std::string directory;     // of the running program, for the default kernelinfo.conf
};

// Adds --kconf, --kconf-group, --os and --load-now.
void add_kernel_options(boost::program_options::options_description& options);
// What these options say. Throws UsageError.
ProviderOptions provider_options(const boost::program_options::variables_map& given);

// Returns a function that finds the kernel that runs at a moment: by the group that was named, or otherwise by
// the first that knows the kernel of these: the file that was named, the default file, and what the kernel
// carries in memory. The files are read now.
// trace: its name, for errors. Throws FileError when the file cannot be read. The function throws an Error
// that names file, group, key and the kernel that was found.
osi::OpenProvider provider_opener(const ProviderOptions& options, const std::string& trace);

// The provider for the kernel that runs at the moment. If it is not found there (early in a boot, for
// example) and load_now is not set, the kernel is looked for at the snapshots of the trace, unless it is a
// pipe. Throws what the opener threw at the moment.
std::shared_ptr<const osi::Provider> open_provider(const osi::OpenProvider& open, bool load_now,
                                                   trace::TraceReader& reader, const trace::Moment& moment);

}  // namespace panda::analyze_osi
