#include "recorder/cli/locate.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "common/command_line.h"
#include "common/error.h"

namespace panda::launch {
namespace {

namespace fs = std::filesystem;

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

// What belongs to the programs and is not for the user's PATH.
fs::path libexec() {
    const fs::path prefix = fs::path(executable_directory()).parent_path();
    std::error_code error;
    const fs::path installed = prefix / PANDA_LIBEXECDIR "/panda";
    return fs::is_directory(installed, error) ? installed : prefix / "libexec/panda";
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
    const fs::path path = libexec() / "qemu/bin/qemu-system-x86_64";
    if (!usable(path))
        throw Error("no QEMU: looked for --qemu, PANDA_QEMU and " + path.string() +
                    "; recorder/qemu/build.sh builds it");
    return path.string();
}

std::string find_engine(const std::string& name) {
    fs::path directory = environment("PANDA_ENGINES");
    if (directory.empty())
        directory = libexec();
    std::error_code error;
    if (!fs::is_regular_file(directory / name, error))
        throw Error("no engine: " + (directory / name).string() +
                    " does not exist (PANDA_ENGINES names another directory)");
    return (directory / name).string();
}

std::string find_guest(const std::string& given) {
    std::string directory = given.empty() ? environment("PANDA_GUEST") : given;
    if (directory.empty())
        directory = (libexec() / "guest").string();
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
