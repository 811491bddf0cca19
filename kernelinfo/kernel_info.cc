#include "kernelinfo/kernel_info.h"

#include "common/error.h"
#include "kernelinfo/keys.h"

namespace panda::kernelinfo {
namespace {

[[noreturn]] void complain(const KernelInfo& info, const Field& field) {
    for (const Key& key : keys())
        if (key.field == field)
            throw FileError(info.source, "group [" + info.group + "]",
                            std::string("key ") + key.name + " is missing");
    throw std::logic_error("a member of KernelInfo has no key");
}

}  // namespace

uint64_t KernelInfo::need(Address KernelInfo::* member) const {
    if (!(this->*member))
        complain(*this, member);
    return *(this->*member);
}

int64_t KernelInfo::need(Offset KernelInfo::* member) const {
    if (!(this->*member))
        complain(*this, member);
    return *(this->*member);
}

unsigned KernelInfo::pointer_size() const {
    const std::string machine = this->machine();
    if (machine == "x86_64")
        return 8;
    if (machine.size() == 4 && machine[0] == 'i' && machine.substr(2) == "86")
        return 4;
    throw FileError(source, "group [" + group + "]",
                    "key name does not end in a known machine (|x86_64 or |i686): \"" + name + "\"");
}

std::string KernelInfo::name_part(unsigned index) const {
    size_t start = 0;
    for (; index > 0; --index) {
        const size_t bar = name.find('|', start);
        if (bar == std::string::npos)
            return {};
        start = bar + 1;
    }
    return name.substr(start, name.find('|', start) - start);
}

}  // namespace panda::kernelinfo
