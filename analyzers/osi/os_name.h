// The name of an operating system as PANDA's -os has it: linux-64-debian:6.1.0-56-cloud-amd64.
#pragma once

#include <string>

#include "kernelinfo/kernel_info.h"

namespace panda::analyze_osi {

struct OsName {
    std::string text;     // as given
    unsigned bits = 64;   // of the guest
    std::string variant;  // a group of a kernelinfo.conf, or the start of its name
};

// The name's parts. Throws a UsageError that shows valid_os_re (osi/osi.h) when the text fits none of them,
// and a UsageError when there is no provider for the system.
OsName parse_os(const std::string& text);

// Whether the variant is the group's name, or its start up to a colon. The bits at the end of the group's
// name must fit too: "debian" and "debian:6.1.0-56-cloud-amd64" fit "debian:6.1.0-56-cloud-amd64:64".
bool fits(const OsName& os, const std::string& group);

// Throws an Error that names both when the kernel does not fit `os`. any_variant: the group was chosen by
// name, so its name says nothing; but the bits must fit.
void check_os(const OsName& os, const kernelinfo::KernelInfo& info, bool any_variant);

}  // namespace panda::analyze_osi
