// Which introspection a trace's guest needs, as the command line says or as its memory shows.
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
    std::string kconf;         // path; empty = the default one, if it is there and knows the kernel
    std::string group;         // in it; empty = the one that fits the guest
    std::optional<OsName> os;  // what the guest must be
    bool load_now = false;     // fail unless the kernel is found at the moment itself
    std::string directory;     // of the running program, for the default kernelinfo.conf
};

// --kconf, --kconf-group, --os, --load-now.
void add_kernel_options(boost::program_options::options_description& options);
// What they say. Throws UsageError.
ProviderOptions provider_options(const boost::program_options::variables_map& given);

// What finds the kernel that runs at a moment: with neither kconf nor group, and for a kernel that the
// default file does not know, by what the kernel carries in memory. Reads the file now. trace: its name, for
// errors. Throws FileError when the file cannot be read; what it gives throws Error naming file, group, key
// and the kernel found.
osi::OpenProvider provider_opener(const ProviderOptions& options, const std::string& trace);

// The provider for the kernel that runs at the moment. When it is not found there, as early in a boot, and
// load_now is not set, it is looked for at the snapshots of the trace, which a pipe has not. Throws what the
// opener threw at the moment.
std::shared_ptr<const osi::Provider> open_provider(const osi::OpenProvider& open, bool load_now,
                                                   trace::TraceReader& reader, const trace::Moment& moment);

// How to get at memory for introspection: it reads much, but at a snapshot all is at hand.
trace::MomentReads reads_for(trace::TraceReader& reader, std::optional<uint64_t> instr);

}  // namespace panda::analyze_osi
