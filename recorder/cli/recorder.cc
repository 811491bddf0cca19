#include "recorder/cli/recorder.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <optional>

#include "common/command_line.h"
#include "common/error.h"
#include "common/file.h"
#include "recorder/cli/agent.h"
#include "recorder/cli/locate.h"
#include "recorder/cli/snapshot.h"
#include "recorder/cli/vm.h"

namespace panda::record {
namespace {

// With panic=-1 a panic reboots at once, and -no-reboot turns a reboot into the end of QEMU. Without no_timer_check the
// kernel panics ("IO-APIC + timer doesn't work") when the host gives QEMU too little time while it counts ticks
// (arch/x86/kernel/apic/io_apic.c, timer_irq_works).
constexpr const char* kernel_words = "console=ttyS0 panic=-1 no_timer_check";

// The initrd, in memory, with an archive appended that has what is copied into the guest. The kernel unpacks
// one archive after the other.
class ExtendedInitrd {
  public:
    ExtendedInitrd(const std::string& initrd, const std::string& archive)
        : file_(::memfd_create("initrd", MFD_CLOEXEC)) {
        const MappedFile original(initrd);
        append({reinterpret_cast<const char*>(original.bytes().data()), original.bytes().size()});
        // Archives start at multiples of four.
        append(std::string((4 - original.bytes().size() % 4) % 4, '\0'));
        append(archive);
    }
    int descriptor() const { return file_.get(); }
    // The path is valid in this process and in a child that inherits the descriptor.
    std::string path() const { return "/proc/self/fd/" + std::to_string(file_.get()); }

  private:
    void append(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t written = ::write(file_.get(), bytes.data(), bytes.size());
            if (written < 0)
                throw Error("cannot make the guest's initrd: " + errno_text(errno));
            bytes.remove_prefix(static_cast<size_t>(written));
        }
    }

    launch::Descriptor file_;
};

// The guest of the options, and what must stay open while QEMU reads it.
struct GuestMachine {
    explicit GuestMachine(const Options& options, const std::string& words) {
        machine.qemu = launch::find_qemu(options.qemu);
        machine.memory = options.memory;
        machine.cpu = options.cpu;
        machine.kernel = options.kernel;
        machine.initrd = options.initrd;
        if (machine.kernel.empty() || machine.initrd.empty()) {
            const std::string directory = launch::find_guest(options.guest);
            if (machine.kernel.empty())
                machine.kernel = directory + "/vmlinuz";
            if (machine.initrd.empty())
                machine.initrd = directory + "/initrd";
        }
        machine.append =
            std::string(kernel_words) + words + (options.append.empty() ? "" : " " + options.append);
        if (!options.disk.empty())
            machine.disk = std::filesystem::absolute(options.disk).string();
        machine.network = options.network;
        if (!options.copy_in.empty()) {
            initrd.emplace(machine.initrd, copy_in_archive(options.copy_in, options.memory / 2));
            machine.initrd = initrd->path();
        }
    }
    std::vector<int> inherited() const {
        return initrd ? std::vector<int>{initrd->descriptor()} : std::vector<int>{};
    }

    Machine machine;
    std::optional<ExtendedInitrd> initrd;
};

// Passes on what the guest prints. If the reader of that goes away, the recording goes on.
Vm::Output printer(const Options& options) {
    if (options.quiet)
        return nullptr;
    return [open = true](std::string_view bytes) mutable {
        while (open && !bytes.empty()) {
            const ssize_t written = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
            if (written < 0 && errno != EINTR)
                open = false;
            else if (written > 0)
                bytes.remove_prefix(static_cast<size_t>(written));
        }
    };
}

// A guest that waits at its agent, stopped, in a QEMU that can record. If the snapshot does not load (the
// file is broken), it is made again, once.
std::unique_ptr<Vm> restored_guest(const GuestMachine& guest, launch::StopSignals& signals) {
    SnapshotCache snapshots(launch::cache_directory());
    std::vector<std::string> arguments =
        recording_arguments({.engine = launch::find_engine("panda-record.so")});
    for (const std::string& argument : restore_arguments())
        arguments.push_back(argument);
    for (bool again = false;; again = true) {
        const std::string file = snapshots.get(guest.machine, guest.inherited(), signals);
        auto vm = std::make_unique<Vm>(guest.machine, arguments, guest.inherited(), signals, nullptr);
        try {
            restore(*vm, file);
            return vm;
        } catch (const launch::Interrupted&) {
            throw;
        } catch (const Error&) {
            if (again)
                throw;
            snapshots.remove(file);
        }
    }
}

// The words with spaces between them, for people.
std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words)
        text += (text.empty() ? "" : " ") + word;
    constexpr size_t limit = 4096;
    if (text.size() > limit)
        text.replace(limit, std::string::npos, " …");
    return text;
}

// Ends the recording in order after a signal, so that the file is whole. Whoever sends a signal does not want to wait:
// a QEMU that does not answer soon is killed, and the file ends with its last whole chunk.
int end_early(Vm& vm, const Options& options, const launch::Interrupted& signal) {
    constexpr auto patience = std::chrono::milliseconds(1500);
    const char* holds = "holds the run up to here";
    try {
        vm.limit_time(patience);
        vm.execute("end_record");
        vm.quit();
    } catch (const launch::Interrupted&) {
        holds = "was cut short";
    } catch (const Error&) {
        holds = "was cut short, because QEMU did not answer";
    }
    std::cerr << "panda-record: " << signal.what() << "; " << options.output << " " << holds << "\n";
    return 128 + signal.signal();
}

}  // namespace

int record_command(const Options& options) {
    launch::StopSignals signals;
    const GuestMachine guest(options, " quiet loglevel=3");
    const std::unique_ptr<Vm> vm = restored_guest(guest, signals);
    vm->execute("cont");
    prepare_command(*vm, options.command);
    vm->set_output(printer(options));
    vm->execute("begin_record", {{"name", options.output},
                                 {"force", options.force},
                                 {"facts", {{"command", joined(options.command)}}}});
    int status = exit_ok;
    try {
        status = run_command(*vm);
    } catch (const launch::Interrupted& signal) {
        return end_early(*vm, options, signal);
    }
    vm->execute("end_record");
    vm->quit();
    return status;
}

int record_boot(const Options& options) {
    launch::StopSignals signals;
    const GuestMachine guest(options, " panda.mode=boot");
    const Recording recording{
        .engine = launch::find_engine("panda-record.so"), .file = options.output, .force = options.force};
    Vm vm(guest.machine, recording_arguments(recording), guest.inherited(), signals, printer(options));
    int status = exit_ok;
    try {
        status = vm.wait_for_exit();
    } catch (const launch::Interrupted& signal) {
        return end_early(vm, options, signal);
    }
    if (status != 0)
        throw Error("QEMU failed: " + vm.last_error());
    if (vm.shutdown_reason() != "guest-shutdown")
        throw Error("the guest did not power itself off (" +
                    (vm.shutdown_reason().empty() ? "no reason given" : vm.shutdown_reason()) + ")");
    return exit_ok;
}

int run_user_machine(const Options& options) {
    const Recording recording{
        .engine = launch::find_engine("panda-record.so"), .file = options.output, .force = options.force};
    std::vector<std::string> command =
        user_machine_command(launch::find_qemu(options.qemu), recording, options.command);
    std::vector<char*> arguments;
    for (std::string& word : command)
        arguments.push_back(word.data());
    arguments.push_back(nullptr);
    ::execv(arguments[0], arguments.data());
    throw Error("cannot run " + command[0] + ": " + errno_text(errno));
}

}  // namespace panda::record
