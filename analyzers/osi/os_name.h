// The name of an operating system as PANDA's -os has it: linux-64-debian:6.1.0-56-cloud-amd64.
#pragma once

#include <string>

#include "kernelinfo/kernel_info.h"

namespace panda::analyze_osi {

struct OsName {
    std::string text;     // as given
    unsigned bits = 64;   // of the guest
    std::string variant;  // a group of a kernelinfo.conf, or the beginning of its name
};

// Throws UsageError when the text fits none of valid_os_re (osi/osi.h), which it then shows, or is of a
// system that there is no provider for.
OsName parse_os(const std::string& text);

// True when the variant is the group's name or what comes before a colon in it, up to the bits at its end:
// "debian" and "debian:6.1.0-56-cloud-amd64" are "debian:6.1.0-56-cloud-amd64:64".
bool fits(const OsName& os, const std::string& group);

// Throws Error naming both when the kernel is another one. any_variant: the group was chosen by name, so its
// name says nothing; the bits have to fit all the same.
void check_os(const OsName& os, const kernelinfo::KernelInfo& info, bool any_variant);

}  // namespace panda::analyze_osi
