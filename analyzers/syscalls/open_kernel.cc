#include "analyzers/syscalls/open_kernel.h"

#include <algorithm>
#include <iterator>
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

// What signals, the ends of tasks and times need.
constexpr kernelinfo::Address KernelInfo::* wanted_addresses[] = {
    &KernelInfo::panda_get_signal_addr, &KernelInfo::panda_dequeue_signal_addr,
    &KernelInfo::panda_do_exit_addr, &KernelInfo::panda_tk_core_addr, &KernelInfo::panda_runqueues_addr};
constexpr kernelinfo::Offset KernelInfo::* wanted_offsets[] = {
    &KernelInfo::panda_task_pending_offset,         &KernelInfo::panda_task_blocked_offset,
    &KernelInfo::panda_task_exit_code_offset,       &KernelInfo::panda_task_exit_state_offset,
    &KernelInfo::panda_task_signal_offset,          &KernelInfo::panda_signal_shared_pending_offset,
    &KernelInfo::panda_sigqueue_info_offset,        &KernelInfo::task_stack_offset,
    &KernelInfo::panda_signal_flags_offset,         &KernelInfo::panda_signal_group_exit_code_offset,
    &KernelInfo::panda_task_sighand_offset,         &KernelInfo::panda_sighand_action_offset,
    &KernelInfo::panda_timekeeper_xtime_sec_offset, &KernelInfo::panda_timekeeper_xtime_nsec_offset,
    &KernelInfo::panda_timekeeper_shift_offset,     &KernelInfo::panda_rq_clock_offset};
// Not all kernels have these.
constexpr kernelinfo::Offset KernelInfo::* other_offsets[] = {&KernelInfo::panda_tk_core_timekeeper_offset};

template <typename Members>
bool has_all(const KernelInfo& info, const Members& members) {
    return std::all_of(std::begin(members), std::end(members),
                       [&info](auto member) { return (info.*member).has_value(); });
}

template <typename Members>
void complete(KernelInfo& info, const KernelInfo& found, const Members& members) {
    for (const auto member : members)
        if (!(info.*member))
            info.*member = found.*member;
}

// Groups that were made for other programs, or before this program told these things, lack some of it. The
// kernel itself has it.
OsiLinux completed(OsiLinux kernel, const osi::Point& point, const std::string& name) {
    if (has_all(kernel.info(), wanted_addresses) && has_all(kernel.info(), wanted_offsets))
        return kernel;
    KernelInfo info = kernel.info();
    try {
        const KernelInfo found = osi::linux_guest::discover_kernel(point, name);
        complete(info, found, wanted_addresses);
        complete(info, found, wanted_offsets);
        complete(info, found, other_offsets);
    } catch (const Error&) {
        return kernel;  // without them
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
            return completed(osi::linux_guest::open_named_kernel(*file, group, point, name), point, name);
        };
    return [file, name](const osi::Point& point) {
        return completed(osi::linux_guest::open_unknown_kernel(file.get(), point, name), point, name);
    };
}

}  // namespace panda::syscalls
