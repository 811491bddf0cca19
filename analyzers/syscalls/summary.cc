#include "analyzers/syscalls/summary.h"

#include <algorithm>
#include <cstdio>
#include <utility>
#include <vector>

#include "common/json_value.h"

namespace panda::syscalls {
namespace {

using Entry = std::pair<std::string, Summary::Row>;

std::vector<Entry> sorted(const std::map<std::string, Summary::Row>& rows) {
    std::vector<Entry> entries(rows.begin(), rows.end());
    std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
        return a.second.instructions > b.second.instructions;
    });
    return entries;
}

void write_row(std::ostream& out, const Entry& entry, uint64_t total) {
    const auto& [name, row] = entry;
    char text[160];
    const double share =
        total == 0 ? 0 : 100.0 * static_cast<double>(row.instructions) / static_cast<double>(total);
    const uint64_t each = row.calls == 0 ? 0 : row.instructions / row.calls;
    std::snprintf(text, sizeof text, "%6.2f %15llu %13llu %9llu %9s ", share,
                  static_cast<unsigned long long>(row.instructions), static_cast<unsigned long long>(each),
                  static_cast<unsigned long long>(row.calls),
                  row.errors == 0 ? "" : std::to_string(row.errors).c_str());
    out << text << name << '\n';
}

constexpr const char* rule = "------ --------------- ------------- --------- --------- ----------------\n";

}  // namespace

void Summary::end(const Call& call, const Return& result, const CallText&) {
    Row& row = rows_[call.name()];
    ++row.calls;
    row.errors += result.failed() ? 1 : 0;
    if (result.ending == Ending::returned)
        row.instructions += result.instr - call.instr;
}

void Summary::write_table(std::ostream& out) const {
    Row total;
    for (const auto& [name, row] : rows_) {
        total.calls += row.calls;
        total.errors += row.errors;
        total.instructions += row.instructions;
    }
    out << "% time    instructions    instr/call     calls    errors syscall\n" << rule;
    for (const Entry& entry : sorted(rows_))
        write_row(out, entry, total.instructions);
    out << rule;
    write_row(out, {"total", total}, total.instructions);
}

void Summary::write_json(std::ostream& out) const {
    for (const auto& [name, row] : sorted(rows_))
        write_json_line(out, {{"kind", "syscall_summary"},
                              {"call", name},
                              {"calls", row.calls},
                              {"errors", row.errors},
                              {"instructions", row.instructions}});
}

}  // namespace panda::syscalls
