// kernelinfo.conf: a GLib key file with one group for each kernel, as PANDA's osi_linux has it.
#pragma once

#include <iosfwd>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kernelinfo/kernel_info.h"

typedef struct _GKeyFile GKeyFile;

namespace panda::kernelinfo {

class KeyFile {
  public:
    // Reads a file of at most 16 MiB. Throws FileError when it cannot be read or is not a key file.
    static KeyFile open(const std::string& path);

    // Takes the text of a key file; `path` stands for it in errors. Throws FileError.
    KeyFile(std::string_view text, std::string path);

    // Names of the groups, in the file's order.
    std::vector<std::string> groups() const;

    // The group's values. Keys that this version does not know are ignored, as PANDA does, and names from
    // older versions are understood. Throws a FileError that names group and key when the group is not there,
    // has no name, or has a value that is not a number or is out of range (offsets: within 16 MiB of zero).
    KernelInfo read(const std::string& group) const;

    const std::string& path() const { return path_; }

  private:
    struct Free {
        void operator()(GKeyFile* file) const;
    };

    std::string value(const std::string& group, const std::string& key) const;

    std::string path_;
    std::unique_ptr<GKeyFile, Free> file_;
};

// Writes info as a group. Values are decimal, and addresses are repeated in hexadecimal, as comments. Empty
// members are left out.
void write_group(std::ostream& out, const KernelInfo& info);

}  // namespace panda::kernelinfo
