#include "analyzers/coverage/source_lines.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <tuple>
#include <unordered_map>

namespace panda::coverage {
namespace {

constexpr size_t max_source_lines = 1 << 20;

// One file with lines, and what ran of it.
class ModuleLines {
  public:
    explicit ModuleLines(osi::ElfFile& file) : table_(file.lines()), symbols_(file.symbols()) {}

    void add(uint64_t linked, uint64_t executions) { executions_[linked] += executions; }

    void finish(SourceCoverage& files) {
        for (const osi::LineRange& range : table_.ranges) {
            SourceFile& source = files[table_.files[range.file]];
            source.lines.try_emplace(range.line, 0);
            add_function(source, range);
        }
        // By file, line, and the function that has the instruction.
        std::map<std::tuple<uint32_t, unsigned, uint64_t>, uint64_t> most;
        for (const auto& [linked, executions] : executions_) {
            const osi::LineRange* const range = range_of(linked);
            if (range == nullptr)
                continue;
            const auto symbol = symbols_.find(linked);
            uint64_t& so_far = most[{range->file, range->line, symbol ? symbol->start : 0}];
            so_far = std::max(so_far, executions);
        }
        for (const auto& [key, executions] : most)
            files[table_.files[std::get<0>(key)]].lines[std::get<1>(key)] += executions;
    }

  private:
    // A function begins where a range starts that has its symbol's address.
    void add_function(SourceFile& source, const osi::LineRange& range) {
        const auto symbol = symbols_.find(range.start);
        if (!symbol || symbol->start != range.start || !begun_.insert(range.start).second)
            return;
        const auto ran = executions_.find(range.start);
        source.functions.emplace(range.line, FunctionCoverage{std::string(symbol->name),
                                                              ran == executions_.end() ? 0 : ran->second});
    }
    const osi::LineRange* range_of(uint64_t address) const {
        auto next = std::upper_bound(
            table_.ranges.begin(), table_.ranges.end(), address,
            [](uint64_t wanted, const osi::LineRange& range) { return wanted < range.start; });
        if (next == table_.ranges.begin() || address >= (--next)->end)
            return nullptr;
        return &*next;
    }

    osi::LineTable table_;
    osi::SymbolIndex symbols_;
    std::unordered_map<uint64_t, uint64_t> executions_;  // by link-time address
    std::set<uint64_t> begun_;
};

std::string one_line(const std::string& text) {
    std::string line = text.substr(0, text.find('\n'));
    std::replace(line.begin(), line.end(), ',', ';');
    return line;
}

// The lines of a source file; none if it is not found.
std::vector<std::string> read_source(const std::string& path, const std::vector<std::string>& directories) {
    std::vector<std::filesystem::path> places = {path};
    for (const std::string& directory : directories) {
        places.push_back(std::filesystem::path(directory) / std::filesystem::path(path).relative_path());
        places.push_back(std::filesystem::path(directory) / std::filesystem::path(path).filename());
    }
    for (const std::filesystem::path& place : places) {
        std::error_code error;
        if (!std::filesystem::is_regular_file(place, error))
            continue;
        std::ifstream file(place);
        std::vector<std::string> lines;
        for (std::string line; lines.size() < max_source_lines && std::getline(file, line);)
            lines.push_back(line);
        if (!lines.empty())
            return lines;
    }
    return {};
}

void write_line(std::ostream& out, const std::string& count, unsigned number, const std::string& text) {
    char head[64];
    std::snprintf(head, sizeof head, "%9s:%5u:", count.c_str(), number);
    out << head << text << '\n';
}

}  // namespace

SourceCoverage source_coverage(const std::vector<CoveredInstruction>& instructions,
                               const ModuleFinder& modules) {
    std::map<osi::ElfFile*, ModuleLines> by_file;
    for (const CoveredInstruction& instruction : instructions) {
        if (!instruction.place)
            continue;
        const auto& file = modules.modules()[instruction.place->module].file;
        if (!file || !file->has_lines())
            continue;
        auto entry = by_file.find(file.get());
        if (entry == by_file.end())
            entry = by_file.emplace(file.get(), *file).first;
        entry->second.add(instruction.place->linked, instruction.executions);
    }
    SourceCoverage files;
    for (auto& [file, lines] : by_file)
        lines.finish(files);
    return files;
}

void write_lcov(std::ostream& out, const SourceCoverage& files) {
    for (const auto& [path, source] : files) {
        out << "TN:\nSF:" << one_line(path) << '\n';
        size_t functions_hit = 0;
        for (const auto& [line, function] : source.functions)
            out << "FN:" << line << ',' << one_line(function.name) << '\n';
        for (const auto& [line, function] : source.functions) {
            out << "FNDA:" << function.executions << ',' << one_line(function.name) << '\n';
            functions_hit += function.executions != 0 ? 1 : 0;
        }
        out << "FNF:" << source.functions.size() << "\nFNH:" << functions_hit << '\n';
        size_t lines_hit = 0;
        for (const auto& [line, executions] : source.lines) {
            out << "DA:" << line << ',' << executions << '\n';
            lines_hit += executions != 0 ? 1 : 0;
        }
        out << "LF:" << source.lines.size() << "\nLH:" << lines_hit << "\nend_of_record\n";
    }
}

void write_listing(std::ostream& out, const SourceCoverage& files,
                   const std::vector<std::string>& directories) {
    for (const auto& [path, source] : files) {
        write_line(out, "-", 0, "Source:" + path);
        const std::vector<std::string> text = read_source(path, directories);
        const auto count = [&](unsigned line) {
            const auto found = source.lines.find(line);
            if (found == source.lines.end())
                return std::string("-");
            return found->second == 0 ? std::string("#####") : std::to_string(found->second);
        };
        for (unsigned line = 1; line <= text.size(); ++line)
            write_line(out, count(line), line, text[line - 1]);
        for (const auto& [line, executions] : source.lines)
            if (line > text.size())
                write_line(out, count(line), line, "");
    }
}

}  // namespace panda::coverage
