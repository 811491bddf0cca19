#include "analyzers/osi/kernelinfo_path.h"

#include <filesystem>

#include "common/error.h"

namespace panda::analyze_osi {

std::string default_kernelinfo(const std::string& directory) {
    const std::filesystem::path above = std::filesystem::path(directory).parent_path();
    const std::filesystem::path built = above / "kernelinfo.conf";
    const std::filesystem::path installed = above / "share" / "panda" / "kernelinfo.conf";
    for (const auto& path : {built, installed})
        if (std::filesystem::is_regular_file(path))
            return path.string();
    throw Error("no kernelinfo.conf at " + built.string() + " or " + installed.string() +
                "; name one with --kconf (panda-kernelinfo makes it from the kernel's package)");
}

}  // namespace panda::analyze_osi
