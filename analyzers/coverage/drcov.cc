#include "analyzers/coverage/drcov.h"

#include <algorithm>
#include <map>
#include <set>

#include "common/error.h"
#include "common/hex.h"

namespace panda::coverage {
namespace {

constexpr size_t max_modules = 65535;  // their numbers have 16 bits, and the last one means none
constexpr unsigned made_up_bits = 31;

struct Row {
    uint64_t base = 0;
    uint64_t end = 0;
    std::string path;

    auto operator<=>(const Row&) const = default;
};

// A path ends its line.
std::string one_line(std::string path) {
    for (char& c : path)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            c = '_';
    return path;
}

Row module_of(const CoveredBlock& block, const ModuleFinder* modules) {
    if (block.place && modules != nullptr) {
        const Module& module = modules->modules()[block.place->module];
        return {module.base, std::max(module.end, module.base + 1), one_line(module.path)};
    }
    const uint64_t base = block.pc >> made_up_bits << made_up_bits;
    return {base, base + (uint64_t{1} << made_up_bits) - 1, "[" + hex(base) + "]"};
}

void put(std::string& bytes, uint64_t value, unsigned size) {
    for (unsigned i = 0; i < size; ++i)
        bytes += static_cast<char>(value >> (8 * i) & 0xff);
}

}  // namespace

void write_drcov(std::ostream& out, const std::vector<CoveredBlock>& blocks, const ModuleFinder* modules) {
    std::map<Row, size_t> numbers;
    for (const CoveredBlock& block : blocks)
        numbers.try_emplace(module_of(block, modules));
    if (numbers.size() >= max_modules)
        throw Error("there are " + std::to_string(numbers.size()) +
                    " modules, more than a drcov file can have: select a process");
    size_t next = 0;
    for (auto& [row, number] : numbers)
        number = next++;
    // Threads of a process run the same blocks.
    std::set<std::string> entries;
    for (const CoveredBlock& block : blocks) {
        const Row row = module_of(block, modules);
        std::string entry;
        put(entry, block.pc - row.base, 4);
        put(entry, block.size, 2);
        put(entry, numbers[row], 2);
        entries.insert(std::move(entry));
    }
    out << "DRCOV VERSION: 2\nDRCOV FLAVOR: drcov\nModule Table: version 2, count " << numbers.size()
        << "\nColumns: id, base, end, entry, path\n";
    for (const auto& [row, number] : numbers)
        out << number << ", " << hex(row.base, 16) << ", " << hex(row.end, 16) << ", " << hex(0, 16) << ", "
            << row.path << '\n';
    out << "BB Table: " << entries.size() << " bbs\n";
    for (const std::string& entry : entries)
        out << entry;
}

}  // namespace panda::coverage
