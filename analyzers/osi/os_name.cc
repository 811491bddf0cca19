#include "analyzers/osi/os_name.h"

#include "common/error.h"
#include "osi/osi.h"

namespace panda::analyze_osi {

OsName parse_os(const std::string& text) {
    if (!osi_os_is_valid(text.c_str())) {
        std::string patterns;
        for (const char* const* pattern = valid_os_re; *pattern != nullptr; ++pattern)
            patterns += std::string(patterns.empty() ? "" : ", ") + *pattern;
        throw UsageError("--os \"" + text + "\" does not match any of these: " + patterns);
    }
    if (text.rfind("linux", 0) != 0)
        throw UsageError("--os " + text + ": there is introspection for Linux only");
    // By the pattern, it is "linux", a character, two digits, a character.
    return {text, text[6] == '6' ? 64U : 32U, text.substr(9)};
}

bool fits(const OsName& os, const std::string& group) {
    if (os.variant == group)
        return true;
    const std::string start = os.variant + ":";
    return group.rfind(start, 0) == 0;
}

void check_os(const OsName& os, const kernelinfo::KernelInfo& info, bool any_variant) {
    if (info.pointer_size() * 8 != os.bits)
        throw Error("--os " + os.text + ": the guest's kernel, \"" + info.name + "\", is one of " +
                    std::to_string(info.pointer_size() * 8) + " bits");
    if (!any_variant && !fits(os, info.group))
        throw Error("--os " + os.text + ": the guest's kernel is of the group [" + info.group + "], not \"" +
                    os.variant + "\"");
}

}  // namespace panda::analyze_osi
