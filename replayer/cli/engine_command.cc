#include "replayer/cli/engine_command.h"

#include <charconv>

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

// QEMU takes memory sizes in MiB.
std::string memory_argument(const recording::Facts& facts) {
    const std::string text = fact(facts, "memory");
    uint64_t bytes = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes);
    constexpr uint64_t mebibyte = uint64_t{1} << 20;
    if (error != std::errc() || *end != '\0' || bytes == 0 || bytes % mebibyte != 0)
        throw Error("the recording's memory size is not a size: " + text.substr(0, 40));
    return std::to_string(bytes / mebibyte) + "M";
}

}  // namespace

std::vector<std::string> engine_command(const std::string& qemu, const std::string& engine,
                                        const recording::Facts& facts, const Options& options,
                                        const Channels& channels) {
    std::string value = escape_commas(engine) + ",replay=" + escape_commas(options.recording) +
                        ",status-fd=" + std::to_string(channels.status);
    if (!options.trace.empty())
        value += ",trace=" + escape_commas(options.trace) + (options.force ? ",trace-force=on" : "");
    if (channels.serial >= 0)
        value += ",serial-fd=" + std::to_string(channels.serial);
    if (options.stop_at)
        value += ",stop-at=" + std::to_string(*options.stop_at);
    return {qemu,
            "-panda",
            value,
            "-M",
            escape_commas(fact(facts, "machine")),
            "-cpu",
            escape_commas(fact(facts, "cpu-model")),
            "-m",
            memory_argument(facts),
            "-accel",
            "tcg,thread=single",
            "-smp",
            "1",
            "-nodefaults",
            "-no-user-config",
            "-display",
            "none",
            "-vga",
            "none",
            "-monitor",
            "none"};
}

}  // namespace panda::replay
