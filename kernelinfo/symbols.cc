#include "kernelinfo/symbols.h"

#include <charconv>

#include "common/error.h"

namespace panda::kernelinfo {

std::optional<uint64_t> SymbolTable::find_function(std::string_view name) const {
    if (const auto address = find(name))
        return address;
    for (const char* suffix : {".isra.0", ".constprop.0", ".part.0"})
        if (const auto address = find(std::string(name) + suffix))
            return address;
    return std::nullopt;
}

SymbolTable parse_system_map(std::string_view text) {
    SymbolTable symbols;
    for (size_t line = 1; !text.empty(); ++line) {
        const std::string_view row = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), row.size() + 1));
        uint64_t address = 0;
        const auto [end, error] = std::from_chars(row.data(), row.data() + row.size(), address, 16);
        const auto digits = static_cast<size_t>(end - row.data());
        if (error != std::errc() || row.size() < digits + 4 || row[digits] != ' ' || row[digits + 2] != ' ')
            throw Error("line " + std::to_string(line) + " is not of the form \"address type name\"");
        const std::string_view name = row.substr(digits + 3);
        if (name.find(' ') != std::string_view::npos)
            throw Error("line " + std::to_string(line) + " has no symbol: \"" +
                        std::string(name.substr(0, 80)) + "\"");
        symbols.add(std::string(name), address);
    }
    return symbols;
}

}  // namespace panda::kernelinfo
