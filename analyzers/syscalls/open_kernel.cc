#include "analyzers/syscalls/open_kernel.h"

#include <memory>

#include "analyzers/osi/kernelinfo_path.h"
#include "common/command_line.h"
#include "kernelinfo/key_file.h"
#include "osi/linux/select.h"

namespace panda::syscalls {

LinuxGuest::Open kernel_opener(const std::string& kconf, const std::string& group, const std::string& name) {
    using kernelinfo::KeyFile;
    std::shared_ptr<const KeyFile> file;
    if (!kconf.empty())
        file = std::make_shared<const KeyFile>(KeyFile::open(kconf));
    else if (!group.empty())
        file = std::make_shared<const KeyFile>(
            KeyFile::open(analyze_osi::default_kernelinfo(executable_directory())));
    else if (const auto path = analyze_osi::find_kernelinfo(executable_directory()))
        file = std::make_shared<const KeyFile>(KeyFile::open(*path));
    const auto complete = std::make_shared<osi::linux_guest::GroupCompleter>(name);
    if (!kconf.empty() || !group.empty())
        return [file, group, name, complete](const osi::Point& point) {
            return (*complete)(osi::linux_guest::open_named_kernel(*file, group, point, name), point);
        };
    return [file, name, complete](const osi::Point& point) {
        return (*complete)(osi::linux_guest::open_unknown_kernel(file.get(), point, name), point);
    };
}

}  // namespace panda::syscalls
