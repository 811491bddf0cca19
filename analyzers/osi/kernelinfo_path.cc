#include "analyzers/osi/kernelinfo_path.h"

#include <array>
#include <filesystem>

#include "common/error.h"

namespace panda::analyze_osi {

namespace {

std::array<std::filesystem::path, 2> places(const std::string& directory) {
    const std::filesystem::path above = std::filesystem::path(directory).parent_path();
    return {above / "kernelinfo.conf", above / "share" / "panda" / "kernelinfo.conf"};
}

}  // namespace

std::optional<std::string> find_kernelinfo(const std::string& directory) {
    for (const auto& path : places(directory))
        if (std::filesystem::is_regular_file(path))
            return path.string();
    return std::nullopt;
}

std::string default_kernelinfo(const std::string& directory) {
    if (auto path = find_kernelinfo(directory))
        return *path;
    const auto [built, installed] = places(directory);
    throw Error("no kernelinfo.conf at " + built.string() + " or " + installed.string() +
                "; name one with --kconf (panda-kernelinfo makes it from the kernel's package)");
}

}  // namespace panda::analyze_osi
