#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>

#include "common/command_line.h"
#include "common/error.h"
#include "common/file.h"
#include "common/numbers.h"
#include "recorder/format/reader.h"
#include "replayer/cli/replay.h"
#include "tools/recording/commands.h"

namespace panda::recording {
namespace {

// A word of a shell's command line.
std::string quoted(const std::string& word) {
    std::string text = "'";
    for (const char c : word)
        text += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return text + "'";
}

// A process's life, as introspection sees it in a replay: from its first exec under that name to its exit.
NumberRange life_of(const std::string& path, const CutOptions& options) {
    const std::string programs = executable_directory() + "/";
    const std::string command = quoted(programs + "panda-replay") + " --quiet --trace - " +
                                (options.qemu.empty() ? "" : "--qemu " + quoted(options.qemu) + " ") + "-- " +
                                quoted(path) + " | " + quoted(programs + "panda-analyze-osi") +
                                " --quiet --json --on exec,exit -";
    std::FILE* const output = ::popen(command.c_str(), "r");
    if (output == nullptr)
        throw Error("cannot run panda-analyze-osi: " + errno_text(errno));
    NumberRange life;
    std::optional<int64_t> pid;
    std::map<int64_t, uint64_t> last_exec;  // instr, by process: it may take its name later, or another one
    bool over = false;
    char* line = nullptr;
    size_t room = 0;
    while (::getline(&line, &room, output) >= 0) {
        const auto event = nlohmann::json::parse(line, nullptr, false);
        if (!event.is_object() || over)
            continue;
        const auto number = event.value("pid", int64_t{-1});
        const auto kind = event.value("kind", std::string());
        const auto instr = event.value("instr", uint64_t{0});
        const bool named = event.value("name", std::string()) == options.command;
        if (kind == "exec")
            last_exec[number] = instr;
        if (!pid && named && last_exec.contains(number)) {
            pid = number;
            life.from = last_exec[number];
        }
        if (kind == "exit" && pid == number) {
            life.to = instr;
            over = true;
        }
    }
    std::free(line);
    // Both programs have said what is wrong.
    if (::pclose(output) != 0)
        throw Error("panda-analyze-osi could not follow the processes of " + path);
    if (!pid)
        throw FileError(path, "no process named " + options.command + " is executed in it");
    return life;
}

}  // namespace

void cut(const std::string& path, CutOptions options) {
    require_other_file(path, options.output);
    replay::check_output(options.output, options.force);
    const RecordingReader recording(path);
    if (!options.command.empty()) {
        const NumberRange life = life_of(path, options);
        options.from = life.from;
        if (life.to != NumberRange().to)
            options.to = life.to;
    }
    const uint64_t last = recording.last_position().instr;
    if (options.from > last || options.to.value_or(last) > last)
        throw FileError(path, "ends at instr " + std::to_string(last));
    replay::Options replay;
    replay.recording = path;
    replay.cut = options.output;
    replay.cut_from = options.from;
    replay.cut_to = options.to;
    replay.qemu = options.qemu;
    replay.force = options.force;
    replay.quiet = options.quiet;
    replay::replay_recording(replay);
}

}  // namespace panda::recording
