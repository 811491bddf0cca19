#include "analyzers/syscalls/open_kernel.h"

#include <memory>

#include "analyzers/osi/kernelinfo_path.h"
#include "common/command_line.h"
#include "common/error.h"
#include "kernelinfo/key_file.h"
#include "osi/linux/discover.h"
#include "osi/linux/select.h"

namespace panda::syscalls {

namespace {

using kernelinfo::KernelInfo;
using osi::linux_guest::OsiLinux;

// Groups that were made for other programs, or before this program told signals, lack what signals need. The
// kernel itself has it.
OsiLinux with_signals(OsiLinux kernel, const osi::Point& point, const std::string& name) {
    if (kernel.info().panda_do_exit_addr)
        return kernel;
    KernelInfo info = kernel.info();
    try {
        const KernelInfo found = osi::linux_guest::discover_kernel(point, name);
        for (const auto member : {&KernelInfo::panda_get_signal_addr, &KernelInfo::panda_dequeue_signal_addr,
                                  &KernelInfo::panda_do_exit_addr})
            info.*member = found.*member;
        for (const auto member :
             {&KernelInfo::panda_task_pending_offset, &KernelInfo::panda_task_blocked_offset,
              &KernelInfo::panda_task_exit_code_offset, &KernelInfo::panda_task_exit_state_offset,
              &KernelInfo::panda_task_signal_offset, &KernelInfo::panda_signal_shared_pending_offset,
              &KernelInfo::panda_sigqueue_info_offset, &KernelInfo::task_stack_offset})
            info.*member = found.*member;
    } catch (const Error&) {
        return kernel;  // without signals
    }
    return {std::move(info), point};
}

}  // namespace

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
    if (!kconf.empty() || !group.empty())
        return [file, group, name](const osi::Point& point) {
            return with_signals(osi::linux_guest::open_named_kernel(*file, group, point, name), point, name);
        };
    return [file, name](const osi::Point& point) {
        return with_signals(osi::linux_guest::open_unknown_kernel(file.get(), point, name), point, name);
    };
}

}  // namespace panda::syscalls
