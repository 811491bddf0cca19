#include "analyzers/osi/open_provider.h"

#include <exception>

#include "analyzers/osi/kernelinfo_path.h"
#include "common/error.h"
#include "kernelinfo/key_file.h"
#include "osi/linux/select.h"

namespace panda::analyze_osi {
namespace {

using kernelinfo::KeyFile;
using osi::linux_guest::OsiLinux;

std::optional<KeyFile> open_file(const ProviderOptions& options) {
    if (!options.kconf.empty())
        return KeyFile::open(options.kconf);
    if (!options.group.empty())
        return KeyFile::open(default_kernelinfo(options.directory));
    const auto path = find_kernelinfo(options.directory);
    return path ? std::optional(KeyFile::open(*path)) : std::nullopt;
}

// The group that was named: by --kconf-group, or as a whole by --os.
std::string group_of(const ProviderOptions& options, const std::optional<KeyFile>& file) {
    if (options.group.empty() && options.os && file)
        for (const std::string& group : file->groups())
            if (group == options.os->variant ||
                group == options.os->variant + ":" + std::to_string(options.os->bits))
                return group;
    return options.group;
}

OsiLinux open_at(const ProviderOptions& options, const std::optional<KeyFile>& file, const std::string& group,
                 const Moment& moment) {
    OsiLinux provider =
        !options.kconf.empty() || !group.empty()
            ? osi::linux_guest::open_kernel(*file, group, moment.point())
            : osi::linux_guest::open_unknown_kernel(file ? &*file : nullptr, moment.point(), moment.path());
    if (options.os)
        check_os(*options.os, provider.info(), !options.group.empty());
    return provider;
}

}  // namespace

OsiLinux open_provider(const ProviderOptions& options, const Moment& moment) {
    const std::optional<KeyFile> file = open_file(options);
    const std::string group = group_of(options, file);
    std::exception_ptr reason;
    try {
        return open_at(options, file, group, moment);
    } catch (const Error&) {
        if (options.load_now)
            throw;
        reason = std::current_exception();
    }
    for (const uint64_t instr : moment.later()) {
        try {
            return open_at(options, file, group, Moment(moment.path(), instr));
        } catch (const Error&) {
            // Not there yet, or never: the first reason tells.
        }
    }
    std::rethrow_exception(reason);
}

}  // namespace panda::analyze_osi
