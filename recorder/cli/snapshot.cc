#include "recorder/cli/snapshot.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <thread>

#include "common/checksum.h"
#include "common/error.h"
#include "common/file.h"
#include "common/hex.h"
#include "recorder/cli/agent.h"

namespace panda::record {
namespace {

namespace fs = std::filesystem;

constexpr size_t kept_snapshots = 10;

// Changes when the file is another one. This is cheaper than its content, and enough for QEMU and disk
// images.
std::string file_identity(const std::string& path) {
    struct stat info{};
    if (::stat(path.c_str(), &info) != 0)
        throw FileError(path, errno_text(errno));
    return fs::canonical(path).string() + " " + std::to_string(info.st_size) + " " +
           std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec);
}

std::string content_identity(const std::string& path) {
    return std::to_string(checksum(MappedFile(path).bytes()));
}

std::string snapshot_key(const Machine& machine) {
    // The paths of kernel and initrd do not matter, only what they hold.
    Machine nameless = machine;
    nameless.kernel = content_identity(machine.kernel);
    nameless.initrd = content_identity(machine.initrd);
    std::string text = "snapshot 1\n" + file_identity(machine.qemu) + "\n";
    if (!machine.disk.empty())
        text += file_identity(machine.disk) + "\n";
    for (const std::string& argument : machine_arguments(nameless))
        text += argument + "\n";
    return hex_digits(checksum(std::as_bytes(std::span(text.data(), text.size()))), 16);
}

// Waits for a migration, as QEMU calls saving and loading a machine.
void wait_for_migration(Vm& vm) {
    while (true) {
        const nlohmann::json info = vm.execute("query-migrate");
        const std::string status = info.value("status", "none");
        if (status == "completed")
            return;
        if (status == "failed" || status == "cancelled")
            throw Error(info.value("error-desc", "the snapshot failed"));
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

std::string file_uri(const std::string& path) {
    return "file:" + path;
}

}  // namespace

SnapshotCache::SnapshotCache(const std::string& cache_directory)
    : directory_(cache_directory + "/snapshots") {
    fs::create_directories(directory_);
}

std::string SnapshotCache::get(const Machine& machine, const std::vector<int>& inherited,
                               launch::StopSignals& signals) {
    const std::string base = directory_ + "/" + snapshot_key(machine);
    const std::string file = base + ".vmstate";
    if (!fs::exists(file)) {
        const launch::Descriptor lock(::open((base + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
        if (lock.get() < 0)
            throw FileError(base + ".lock", errno_text(errno));
        while (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
            signals.check();
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
        }
        if (!fs::exists(file)) {
            prune();
            make(machine, inherited, file, signals);
        }
    }
    // The file's modification time says when it was used last.
    ::utimensat(AT_FDCWD, file.c_str(), nullptr, 0);
    return file;
}

void SnapshotCache::remove(const std::string& file) {
    std::error_code ignored;
    fs::remove(file, ignored);
}

void SnapshotCache::make(const Machine& machine, const std::vector<int>& inherited, const std::string& file,
                         launch::StopSignals& signals) {
    const std::string unfinished = file + "." + std::to_string(::getpid());
    try {
        Vm vm(machine, {}, inherited, signals, nullptr);
        wait_for_agent(vm);
        vm.execute("stop");
        // Nobody shares the disk with it, so let it go as fast as it can.
        vm.execute("migrate-set-parameters", {{"max-bandwidth", uint64_t{1} << 40}});
        vm.execute("migrate", {{"uri", file_uri(unfinished)}});
        wait_for_migration(vm);
        vm.quit();
        fs::rename(unfinished, file);
    } catch (...) {
        remove(unfinished);
        throw;
    }
}

void SnapshotCache::prune() {
    std::vector<std::pair<fs::file_time_type, fs::path>> snapshots;
    for (const fs::directory_entry& entry : fs::directory_iterator(directory_))
        if (entry.path().extension() == ".vmstate")
            snapshots.emplace_back(entry.last_write_time(), entry.path());
    std::sort(snapshots.begin(), snapshots.end());
    while (snapshots.size() >= kept_snapshots) {
        remove(snapshots.front().second.string());
        snapshots.erase(snapshots.begin());
    }
}

std::vector<std::string> restore_arguments() {
    return {"-incoming", "defer", "-S"};
}

void restore(Vm& vm, const std::string& file) {
    vm.execute("migrate-incoming", {{"uri", file_uri(file)}});
    wait_for_migration(vm);
}

}  // namespace panda::record
