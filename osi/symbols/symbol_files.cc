#include "osi/symbols/symbol_files.h"

#include <elf.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "common/error.h"

namespace panda::osi {
namespace {

namespace fs = std::filesystem;

constexpr size_t max_files = 1 << 18;

// The file, or null if it is not an ELF file or belongs to another program.
std::shared_ptr<ElfFile> open_if_fits(const std::string& path, const std::string& build_id) {
    std::error_code error;
    if (!fs::is_regular_file(path, error))
        return nullptr;
    try {
        auto file = std::make_shared<ElfFile>(path);
        const bool fits = build_id.empty() || file->build_id().empty() || file->build_id() == build_id;
        return fits ? file : nullptr;
    } catch (const Error&) {
        return nullptr;  // a text of that name, for example
    }
}

// Whether a guest's path leads out of the directory that it is looked for in.
bool leads_out(const fs::path& path) {
    for (const fs::path& part : path)
        if (part == "..")
            return true;
    return false;
}

bool is_elf(const fs::path& path) {
    std::array<char, SELFMAG> start{};
    std::ifstream(path, std::ios::binary).read(start.data(), start.size());
    return std::memcmp(start.data(), ELFMAG, SELFMAG) == 0;
}

}  // namespace

std::vector<std::string> SymbolFiles::places(const std::string& path, const std::string& build_id) const {
    std::vector<std::string> found;
    const fs::path relative = fs::path(path).relative_path();
    for (const std::string& directory : directories_) {
        const fs::path top(directory);
        if (build_id.size() > 2) {
            const fs::path by_id =
                fs::path(".build-id") / build_id.substr(0, 2) / (build_id.substr(2) + ".debug");
            found.push_back(top / by_id);
            found.push_back(top / "usr/lib/debug" / by_id);
        }
        if (relative.empty() || leads_out(relative))
            continue;
        for (const fs::path& name : {relative, relative.filename()}) {
            found.push_back(top / name);
            found.push_back((top / name).string() + ".debug");
            found.push_back(top / "usr/lib/debug" / name);
            found.push_back((top / "usr/lib/debug" / name).string() + ".debug");
        }
    }
    return found;
}

void SymbolFiles::scan() {
    if (std::exchange(scanned_, true))
        return;
    size_t files = 0;
    for (const std::string& directory : directories_) {
        std::error_code error;
        fs::recursive_directory_iterator entry(directory, fs::directory_options::skip_permission_denied,
                                               error);
        for (; !error && entry != fs::recursive_directory_iterator() && files < max_files;
             entry.increment(error)) {
            std::error_code none;
            if (!entry->is_regular_file(none) || entry->is_symlink(none))
                continue;
            ++files;
            if (!is_elf(entry->path()))
                continue;
            if (const auto file = open_if_fits(entry->path(), {}); file && !file->build_id().empty())
                by_build_id_.emplace(file->build_id(), entry->path());
        }
    }
}

std::shared_ptr<ElfFile> SymbolFiles::find(const std::string& path, const std::string& build_id) {
    std::shared_ptr<ElfFile> best;
    const auto consider = [&](const std::string& place) {
        if (best && best->has_symtab())
            return;
        auto file = open_if_fits(place, build_id);
        if (file && (!best || file->has_symtab()))
            best = std::move(file);
    };
    for (const std::string& place : places(path, build_id))
        consider(place);
    if ((best && best->has_symtab()) || build_id.empty() || directories_.empty())
        return best;
    scan();
    const auto [first, last] = by_build_id_.equal_range(build_id);
    for (auto entry = first; entry != last; ++entry)
        consider(entry->second);
    return best;
}

}  // namespace panda::osi
