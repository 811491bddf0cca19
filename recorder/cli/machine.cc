#include "recorder/cli/machine.h"

#include <algorithm>
#include <string_view>

#include "common/error.h"
#include "recorder/cli/locate.h"

namespace panda::record {
namespace {

using launch::escape_commas;

// One vCPU thread, which takes turns with the devices; see recorder/qemu.
constexpr const char* accelerator = "tcg,thread=single";

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> items;
    while (true) {
        const size_t end = text.find(separator);
        items.push_back(text.substr(0, end));
        if (end == std::string_view::npos)
            return items;
        text.remove_prefix(end + 1);
    }
}

// The option's name without its dashes (QEMU takes both "-name" and "--name"); empty for a plain word.
std::string_view option_name(std::string_view argument) {
    if (argument.size() < 2 || argument[0] != '-')
        return {};
    argument.remove_prefix(argument[1] == '-' ? 2 : 1);
    return argument;
}

void refuse(const std::string& argument, const std::string& reason) {
    throw UsageError(argument + ": " + reason);
}

// Accepts only -smp 1 and -smp cpus=1; topology words that multiply to one are fine.
void check_processors(const std::string& value) {
    for (std::string_view item : split(value, ',')) {
        const size_t equals = item.find('=');
        const std::string_view number = equals == std::string_view::npos ? item : item.substr(equals + 1);
        if (number != "1")
            refuse("-smp " + value, "a recorded machine has one processor");
    }
}

// Words in the values of options, and what they stand for. The patched QEMU has none of these, and its own message
// would not say why.
struct Unrecordable {
    const char* word;
    const char* what;
};
constexpr Unrecordable unrecordable[] = {
    {"vhost", "vhost cannot be recorded: the host's kernel or another process writes to the guest's memory"},
    {"vfio-pci", "a device of the host cannot be recorded: it writes to the guest's memory by itself"},
    {"xen-", "Xen cannot be recorded, only QEMU's own translator (TCG) can"},
    {"qxl", "Spice's devices cannot be recorded: the server's thread writes to the guest's memory"},
    {"-gl", "a display that is drawn by the host's GPU cannot be recorded"},
    {"rutabaga", "a display that is drawn by the host's GPU cannot be recorded"},
    {"iothread", "a machine with I/O threads cannot be recorded: its disks write to memory at any time"},
};

// value: of an option that names a device, a back end or an object; its first word is the type.
void check_device(std::string_view name, const std::string& value) {
    const std::string_view type = std::string_view(value).substr(0, value.find(','));
    for (const auto& [word, what] : unrecordable)
        if (type.starts_with(word) || (word[0] == '-' && type.find(word) != std::string_view::npos))
            refuse("-" + std::string(name) + " " + value, what);
    if (value.find("vhost=on") != std::string::npos || value.find("vhostforce") != std::string::npos)
        refuse("-" + std::string(name) + " " + value, unrecordable[0].what);
}

void check_argument(std::string_view name, const std::string& value) {
    const auto mentions = [&](std::string_view word) {
        for (std::string_view item : split(value, ','))
            if (item == word || item == "accel=" + std::string(word) ||
                item.starts_with("accel=" + std::string(word) + ":"))
                return true;
        return false;
    };
    if (name == "smp")
        check_processors(value);
    if (name == "enable-kvm" || ((name == "accel" || name == "machine" || name == "M") && mentions("kvm")))
        refuse("-" + std::string(name), "KVM cannot be recorded, only QEMU's own translator (TCG) can");
    if (name == "device" || name == "netdev" || name == "object" || name == "vga" || name == "chardev")
        check_device(name, value);
    if (name == "spice")
        refuse(
            "-spice",
            "Spice is not there, because its devices cannot be recorded; -vnc or -display shows the guest");
    if (name == "icount")
        refuse("-icount", "a machine with the icount clock cannot be recorded");
}

}  // namespace

std::vector<std::string> recording_arguments(const Recording& recording) {
    std::string value = escape_commas(recording.engine);
    if (!recording.file.empty())
        value += ",record=" + escape_commas(recording.file) + (recording.force ? ",force=on" : "");
    return {"-panda", value};
}

std::vector<std::string> machine_arguments(const Machine& machine) {
    std::vector<std::string> arguments = {"-M",         "pc",     "-nodefaults", "-no-user-config",
                                          "-display",   "none",   "-vga",        "none",
                                          "-no-reboot", "-accel", accelerator};
    const std::string memory = std::to_string(machine.memory >> 20) + "M";
    arguments.insert(arguments.end(), {"-smp", "1", "-cpu", machine.cpu, "-m", memory, "-kernel",
                                       machine.kernel, "-initrd", machine.initrd, "-append", machine.append});
    // The engine turns it off too, but snapshots are made without an engine and must have the same devices.
    arguments.insert(arguments.end(), {"-global", "apic-common.vapic=off"});
    if (!machine.disk.empty())
        arguments.insert(arguments.end(),
                         {"-drive", "if=none,id=disk,snapshot=on,file=" + escape_commas(machine.disk),
                          "-device", "virtio-blk-pci,drive=disk"});
    if (machine.network)
        arguments.insert(arguments.end(),
                         {"-netdev", "user,id=network", "-device", "virtio-net-pci,netdev=network,romfile="});
    return arguments;
}

std::vector<std::string> channel_arguments(const Channels& channels) {
    const auto socket = [](const std::string& name, int descriptor) {
        return "socket,id=" + name + ",fd=" + std::to_string(descriptor);
    };
    return {"-chardev", "file,id=output,path=/proc/self/fd/" + std::to_string(channels.output),
            "-chardev", socket("control", channels.control),
            "-chardev", socket("monitor", channels.monitor),
            "-serial",  "chardev:output",
            "-serial",  "chardev:control",
            "-mon",     "chardev=monitor,mode=control"};
}

std::vector<std::string> user_machine_command(const std::string& qemu, const Recording& recording,
                                              const std::vector<std::string>& arguments) {
    std::vector<std::string> command = {qemu};
    for (const std::string& argument : recording_arguments(recording))
        command.push_back(argument);
    command.insert(command.end(), {"-accel", accelerator});
    for (size_t i = 0; i < arguments.size(); i++) {
        const std::string_view name = option_name(arguments[i]);
        const std::string value = i + 1 < arguments.size() ? arguments[i + 1] : "";
        check_argument(name, value);
        // A second -accel would only be a fallback, and TCG is already asked for.
        if (name == "accel" && value.starts_with("tcg")) {
            i++;
            continue;
        }
        command.push_back(arguments[i]);
    }
    return command;
}

}  // namespace panda::record
