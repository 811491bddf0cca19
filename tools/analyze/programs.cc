#include "tools/analyze/programs.h"

#include <unistd.h>

#include <filesystem>
#include <map>

namespace panda::analyze {
namespace {

namespace fs = std::filesystem;

const std::string prefix = "panda-analyze-";

bool is_program(const fs::path& path) {
    std::error_code error;
    return fs::is_regular_file(path, error) && ::access(path.c_str(), X_OK) == 0;
}

}  // namespace

std::vector<std::string> search_directories(const std::string& beside, const std::string& path_variable) {
    std::vector<std::string> directories{beside};
    for (size_t start = 0; start <= path_variable.size();) {
        const size_t end = std::min(path_variable.find(':', start), path_variable.size());
        if (end > start)
            directories.push_back(path_variable.substr(start, end - start));
        start = end + 1;
    }
    return directories;
}

std::optional<std::string> find_program(const std::string& name,
                                        const std::vector<std::string>& directories) {
    if (name.empty() || name.find('/') != std::string::npos)
        return std::nullopt;
    for (const std::string& directory : directories)
        if (const fs::path path = fs::path(directory) / (prefix + name); is_program(path))
            return path.string();
    return std::nullopt;
}

std::vector<Program> list_programs(const std::vector<std::string>& directories) {
    std::map<std::string, std::string> found;
    for (const std::string& directory : directories) {
        std::error_code error;
        for (const auto& entry : fs::directory_iterator(directory, error)) {
            const std::string name = entry.path().filename().string();
            if (name.size() > prefix.size() && name.rfind(prefix, 0) == 0 && is_program(entry.path()))
                found.emplace(name.substr(prefix.size()), entry.path().string());
        }
    }
    std::vector<Program> programs;
    for (auto& [name, path] : found)
        programs.push_back({name, path});
    return programs;
}

}  // namespace panda::analyze
