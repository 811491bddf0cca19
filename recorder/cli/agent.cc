#include "recorder/cli/agent.h"

#include <glib.h>

#include <algorithm>
#include <ctime>
#include <memory>

#include "common/error.h"
#include "common/numbers.h"

namespace panda::record {
namespace {

constexpr auto boot_limit = std::chrono::minutes(5);
constexpr auto answer_limit = std::chrono::minutes(1);
// Bytes of the script in one DATA line: as base64 they stay below the protocol's 1000 characters.
constexpr size_t data_size = 720;

std::string base64(std::string_view bytes) {
    const std::unique_ptr<char, decltype(&g_free)> text(
        g_base64_encode(reinterpret_cast<const guchar*>(bytes.data()), bytes.size()), g_free);
    return text.get();
}

void expect(Vm& vm, const std::string& request, const std::string& answer) {
    vm.send_control_line(request);
    const std::string got = vm.read_control_line(answer_limit);
    if (got != answer)
        throw Error("the guest's agent answered \"" + got.substr(0, 80) + "\" to " +
                    request.substr(0, request.find(' ')));
}

}  // namespace

void wait_for_agent(Vm& vm) {
    const auto end = Vm::Clock::now() + boot_limit;
    std::string tail;
    vm.set_output([&tail](std::string_view bytes) {
        constexpr size_t tail_size = 400;
        tail += bytes;
        tail.erase(0, tail.size() - std::min(tail.size(), tail_size));
    });
    try {
        // Lines that are not the agent's are noise from the boot.
        while (vm.read_control_line(end - Vm::Clock::now()) != "PANDA-AGENT 1 READY") {
        }
    } catch (const launch::Interrupted&) {
        throw;
    } catch (const Error& error) {
        const size_t last_line = tail.find_last_of('\n', tail.find_last_not_of("\r\n"));
        throw Error("the guest does not boot: " + std::string(error.what()) +
                    (tail.empty() ? "" : "; it said last: " + tail.substr(last_line + 1)));
    }
    vm.set_output(nullptr);
}

void prepare_command(Vm& vm, const std::vector<std::string>& command) {
    expect(vm, "DATE " + std::to_string(std::time(nullptr)), "OK");
    const std::string script = shell_script(command);
    for (size_t offset = 0; offset < script.size(); offset += data_size)
        expect(vm, "DATA " + base64(std::string_view(script).substr(offset, data_size)), "OK");
    expect(vm, "PREPARE", "PREPARED");
    vm.drain_output();
}

int run_command(Vm& vm) {
    vm.send_control_line("GO");
    const std::string line = vm.read_control_line(std::nullopt);
    // The agent answers after the port has sent everything, so the output is in our socket by now.
    vm.drain_output();
    constexpr std::string_view verb = "EXIT ";
    const auto status = line.starts_with(verb) ? read_number<int>(line.substr(verb.size())) : std::nullopt;
    if (!status)
        throw Error("the guest's agent answered \"" + line.substr(0, 80) + "\" instead of an exit status");
    return *status;
}

std::string shell_script(const std::vector<std::string>& command) {
    std::string script = "cd /\nexec";
    for (const std::string& word : command) {
        const std::unique_ptr<char, decltype(&g_free)> quoted(g_shell_quote(word.c_str()), g_free);
        script += std::string(" ") + quoted.get();
    }
    return script + "\n";
}

}  // namespace panda::record
