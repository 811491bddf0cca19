#include <iomanip>
#include <sstream>
#include <utility>
#include <vector>

#include "common/command_line.h"
#include "common/json_value.h"
#include "common/numbers.h"
#include "recorder/format/reader.h"
#include "tools/recording/commands.h"

namespace panda::recording {
namespace {

// The facts that people look for first, in order, and what to call them. Other facts follow under their own
// names.
constexpr std::pair<const char*, const char*> known_facts[] = {
    {"machine", "machine"},  {"cpu-model", "CPU model"},
    {"memory", "memory"},    {"kernel-command-line", "kernel command line"},
    {"command", "command"},  {"date", "date"},
    {"qemu-version", "QEMU"}};

constexpr int label_width = 24;
constexpr int number_width = 16;

std::string with_separators(uint64_t number) {
    std::string text = std::to_string(number);
    for (size_t at = text.size(); at > 3; at -= 3)
        text.insert(at - 3, 1, ',');
    return text;
}

std::string size_text(uint64_t bytes) {
    std::ostringstream text;
    text << std::fixed << std::setprecision(1);
    if (bytes < 1 << 20)
        text << static_cast<double>(bytes) / (1 << 10) << " KiB";
    else
        text << static_cast<double>(bytes) / (1 << 20) << " MiB";
    return text.str();
}

// The size of the memory is a fact in bytes.
std::string fact_text(std::string_view name, const std::string& text) {
    const auto bytes = name == "memory" ? read_number(text) : std::nullopt;
    return bytes ? size_text(*bytes) : without_controls(text);
}

double log_bytes_per_1000(const Statistics& statistics, uint64_t instr) {
    return instr == 0 ? 0
                      : 1000 * static_cast<double>(statistics.log.stored_bytes) / static_cast<double>(instr);
}

class InfoPrinter {
  public:
    InfoPrinter(const RecordingReader& recording, std::ostream& out)
        : recording_(recording), statistics_(recording.statistics()), out_(out) {}

    void print() {
        const uint64_t instr = recording_.last_position().instr;
        out_ << recording_.container().path() << ": recording of " << with_separators(instr) << " instr, "
             << (recording_.complete() ? "complete" : "cut short") << "\n";
        print_facts();
        print_parts(instr);
        print_inputs();
        print_devices();
    }

  private:
    std::ostream& line(const std::string& label, int indent = 2) {
        return out_ << std::string(static_cast<size_t>(indent), ' ') << std::left
                    << std::setw(label_width - indent) << label << std::right;
    }
    void print_facts() {
        Facts others = recording_.facts();
        for (const auto& [name, label] : known_facts)
            if (const auto fact = others.extract(name))
                line(label) << fact_text(name, fact.mapped()) << "\n";
        for (const auto& [name, text] : others)
            line(without_controls(name)) << without_controls(text) << "\n";
        uint64_t memory = 0;
        for (const MemoryBlock& block : recording_.blocks())
            memory += block.size;
        line("memory blocks") << recording_.blocks().size() << ", " << size_text(memory) << "\n";
    }
    void print_part(const char* label, const PartStatistics& part) {
        line(label, 4) << size_text(part.stored_bytes) << " in " << part.chunks << " chunks, unpacked "
                       << size_text(part.raw_bytes) << "\n";
    }
    void print_constants() {
        if (recording_.constants().empty())
            return;
        std::string names;
        for (const Constant& constant : recording_.constants())
            names += (names.empty() ? "" : ", ") + without_controls(constant.name) + " " +
                     size_text(constant.size);
        line("constants", 4) << size_text(statistics_.constants.stored_bytes) << " in "
                             << statistics_.constants.chunks << " chunks: " << names << "\n";
    }
    void print_parts(uint64_t instr) {
        line("file") << size_text(recording_.container().file_size()) << "\n";
        print_part("snapshot", statistics_.snapshot);
        print_constants();
        print_part("log", statistics_.log);
        line("log per 1000 instr") << std::fixed << std::setprecision(2)
                                   << log_bytes_per_1000(statistics_, instr) << " bytes\n";
        line("checks") << with_separators(statistics_.of(EntryKind::check).entries) << "\n";
    }
    void print_inputs() {
        line("inputs") << std::setw(number_width) << "entries" << std::setw(number_width)
                       << "unpacked bytes\n";
        for (unsigned kind = 0; kind < entry_kinds; ++kind) {
            const KindStatistics& counts = statistics_.kinds[kind];
            if (counts.entries != 0)
                line(entry_kind_name(static_cast<EntryKind>(kind)), 4)
                    << std::setw(number_width) << with_separators(counts.entries) << std::setw(number_width)
                    << with_separators(counts.bytes) << "\n";
        }
    }

    void print_devices() {
        if (statistics_.devices.empty())
            return;
        line("written by devices") << std::setw(number_width) << "writes" << std::setw(number_width)
                                   << "bytes\n";
        for (size_t i = 0; i < statistics_.devices.size(); ++i) {
            const DeviceStatistics& written = statistics_.devices[i];
            if (written.writes == 0)
                continue;
            const auto [model, place, kind] =
                i == 0 ? Device{"not known", "", DeviceKind::other} : recording_.devices()[i - 1];
            line(without_controls(model + (place.empty() ? "" : " " + place)), 4)
                << std::setw(number_width) << with_separators(written.writes) << std::setw(number_width)
                << with_separators(written.bytes) << "\n";
        }
    }

    const RecordingReader& recording_;
    const Statistics statistics_;
    std::ostream& out_;
};

Json part_json(const PartStatistics& part) {
    return {{"chunks", part.chunks}, {"bytes", part.stored_bytes}, {"unpacked_bytes", part.raw_bytes}};
}

void print_json(const RecordingReader& recording, std::ostream& out) {
    const Statistics statistics = recording.statistics();
    const uint64_t instr = recording.last_position().instr;
    Json blocks = Json::object();
    for (const MemoryBlock& block : recording.blocks())
        blocks[block.name] = block.size;
    Json constants = part_json(statistics.constants);
    constants["files"] = Json::object();
    for (const Constant& constant : recording.constants())
        constants["files"][constant.name] = constant.size;
    Json inputs = Json::object();
    for (unsigned kind = 0; kind < entry_kinds; ++kind)
        if (const KindStatistics& counts = statistics.kinds[kind]; counts.entries != 0)
            inputs[entry_kind_name(static_cast<EntryKind>(kind))] = {{"entries", counts.entries},
                                                                     {"unpacked_bytes", counts.bytes}};
    Json devices = Json::array();
    for (size_t i = 0; i < recording.devices().size(); ++i) {
        const Device& device = recording.devices()[i];
        const DeviceStatistics written =
            i + 1 < statistics.devices.size() ? statistics.devices[i + 1] : DeviceStatistics{};
        devices.push_back({{"model", device.model},
                           {"place", device.place},
                           {"kind", device_kind_name(device.kind)},
                           {"writes", written.writes},
                           {"written_bytes", written.bytes}});
    }
    const Json info = {{"file", recording.container().path()},
                       {"bytes", recording.container().file_size()},
                       {"complete", recording.complete()},
                       {"instr", instr},
                       {"facts", recording.facts()},
                       {"memory_blocks", blocks},
                       {"snapshot", part_json(statistics.snapshot)},
                       {"constants", constants},
                       {"log", part_json(statistics.log)},
                       {"log_bytes_per_1000_instr", log_bytes_per_1000(statistics, instr)},
                       {"checks", statistics.of(EntryKind::check).entries},
                       {"inputs", inputs},
                       {"devices", devices}};
    out << json_text(info, 2) << '\n';
}

}  // namespace

void print_info(const std::string& path, bool json, std::ostream& out) {
    const RecordingReader recording(path);
    if (json)
        print_json(recording, out);
    else
        InfoPrinter(recording, out).print();
}

}  // namespace panda::recording
