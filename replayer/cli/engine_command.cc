#include "replayer/cli/engine_command.h"

#include "common/error.h"
#include "recorder/cli/locate.h"

namespace panda::replay {
namespace {

using launch::escape_commas;

std::string fact(const recording::Facts& facts, const std::string& name) {
    const auto found = facts.find(name);
    if (found == facts.end() || found->second.empty())
        throw Error("the recording does not say its " + name);
    return found->second;
}

std::string trace_options(const Options& options) {
    std::string text = ",trace=" + escape_commas(options.trace) + ",trace-columns=" + options.columns +
                       ",trace-level=" + std::to_string(options.level);
    if (options.snapshot_interval)
        text += ",trace-snapshots=" + std::to_string(*options.snapshot_interval);
    if (options.force)
        text += ",trace-force=on";
    if (options.registers)
        text += ",trace-registers=on";
    if (options.from != 0)
        text += ",trace-from=" + std::to_string(options.from);
    if (options.asid)
        text += ",trace-asid=" + std::to_string(*options.asid);
    if (options.user)
        text += ",trace-user=on";
    if (options.kernel)
        text += ",trace-kernel=on";
    return text;
}

std::string cut_options(const Options& options) {
    std::string text = ",cut=" + escape_commas(options.cut) + ",cut-from=" + std::to_string(options.cut_from);
    if (options.cut_to)
        text += ",cut-to=" + std::to_string(*options.cut_to);
    if (options.force)
        text += ",cut-force=on";
    return text;
}

}  // namespace

std::vector<std::string> engine_command(const std::string& qemu, const std::string& engine,
                                        const recording::Facts& facts, const Options& options,
                                        const Channels& channels) {
    if (const std::string architecture = fact(facts, "architecture");
        architecture != "x86_64" && architecture != "i386")
        throw FileError(options.recording, "is of a machine of architecture " + architecture.substr(0, 40) +
                                               ", and only x86_64 and i386 can be replayed");
    std::string value = escape_commas(engine) + ",replay=" + escape_commas(options.recording) +
                        ",status-fd=" + std::to_string(channels.status);
    if (!options.trace.empty())
        value += trace_options(options);
    if (!options.cut.empty())
        value += cut_options(options);
    if (channels.serial >= 0)
        value += ",serial-fd=" + std::to_string(channels.serial);
    if (options.stop_at)
        value += ",stop-at=" + std::to_string(*options.stop_at);
    // The board is empty: the engine makes the memory. What the processor read from its interrupt controller
    // is in the recording.
    return {qemu,
            "-panda",
            value,
            "-M",
            "none",
            "-cpu",
            escape_commas(fact(facts, "cpu-model")) + ",apic-id=0,-apic",
            "-accel",
            "tcg,thread=single",
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none"};
}

}  // namespace panda::replay
