#include "recorder/cli/locate.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

#include "common/command_line.h"
#include "common/error.h"

namespace panda::launch {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

fs::path prefix() {
    return fs::path(executable_directory()).parent_path();
}

std::string join(const std::vector<fs::path>& paths) {
    std::string text;
    for (const fs::path& path : paths)
        text += (text.empty() ? "" : ", ") + path.string();
    return text;
}

}  // namespace

std::string find_qemu(const std::string& given) {
    const auto usable = [](const fs::path& path) {
        std::error_code error;
        return fs::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0;
    };
    for (const auto& [source, file] :
         {std::pair("--qemu", given), {"PANDA_QEMU", environment("PANDA_QEMU")}}) {
        if (file.empty())
            continue;
        if (!usable(file))
            throw Error("no QEMU: " + file + " (" + source + ") is not a program");
        return file;
    }
    const fs::path path = prefix() / "libexec/panda/qemu/bin/qemu-system-x86_64";
    if (!usable(path))
        throw Error("no QEMU: looked for --qemu, PANDA_QEMU and " + path.string() +
                    "; recorder/qemu/build.sh builds it");
    return path.string();
}

std::string find_engine(const std::string& name) {
    std::vector<fs::path> paths;
    if (const std::string directory = environment("PANDA_ENGINE_DIRECTORY"); !directory.empty())
        paths.push_back(fs::path(directory) / name);
    paths.push_back(prefix() / PANDA_LIBDIR "/panda" / name);
    paths.push_back(prefix() / "lib" / name);
    for (const fs::path& path : paths) {
        std::error_code error;
        if (fs::is_regular_file(path, error))
            return path.string();
    }
    throw Error("no " + name + ": looked for " + join(paths));
}

std::string find_guest(const std::string& given) {
    std::string directory = given.empty() ? environment("PANDA_GUEST") : given;
    if (directory.empty())
        directory = (prefix() / "libexec/panda/guest").string();
    for (const char* file : {"vmlinuz", "initrd"}) {
        std::error_code error;
        if (!fs::is_regular_file(fs::path(directory) / file, error))
            throw Error("no guest: " + directory + " has no " + file + "; tools/guest/build.sh builds one");
    }
    return directory;
}

std::string cache_directory() {
    fs::path directory = environment("PANDA_CACHE");
    if (directory.empty() && !environment("XDG_CACHE_HOME").empty())
        directory = fs::path(environment("XDG_CACHE_HOME")) / "panda";
    if (directory.empty() && !environment("HOME").empty())
        directory = fs::path(environment("HOME")) / ".cache/panda";
    if (directory.empty())
        throw Error("no cache directory: neither PANDA_CACHE, XDG_CACHE_HOME nor HOME is set");
    std::error_code error;
    fs::create_directories(directory, error);
    if (error)
        throw FileError(directory.string(), "cannot be made: " + error.message());
    return directory.string();
}

std::string escape_commas(const std::string& value) {
    std::string result;
    for (char c : value)
        result.append(c == ',' ? 2 : 1, c);
    return result;
}

}  // namespace panda::launch
