#include "analyzers/files/file_usage.h"

#include <algorithm>
#include <cstdio>
#include <string_view>

#include "analyzers/osi/text.h"
#include "analyzers/syscalls/by_name.h"
#include "analyzers/syscalls/transfer.h"
#include "common/json_value.h"

namespace panda::analyze_files {
namespace {

using syscalls::Call;
using syscalls::Ending;
using syscalls::Return;

constexpr int64_t at_fdcwd = -100;

enum class Kind { other, open, open_at, execute, execute_at, map, transfer };

// What a call does with files.
Kind kind_of(const Call& call) {
    struct Entry {
        std::string_view name;
        Kind kind;
    };
    static constexpr Entry kinds[] = {{"open", Kind::open},      {"creat", Kind::open},
                                      {"openat", Kind::open_at}, {"openat2", Kind::open_at},
                                      {"execve", Kind::execute}, {"execveat", Kind::execute_at},
                                      {"mmap", Kind::map},       {"mmap2", Kind::map}};
    if (const Entry* entry = syscalls::entry_of(kinds, call))
        return entry->kind;
    return syscalls::transfer_of(call) ? Kind::transfer : Kind::other;
}

std::string path_at(const syscalls::UserMemory& memory, uint64_t address) {
    constexpr size_t path_max = 4096;
    std::string path;
    for (char byte = 0; path.size() < path_max; path += byte) {
        if (!memory.read(address + path.size(), std::as_writable_bytes(std::span(&byte, 1))))
            return {};
        if (byte == 0)
            break;
    }
    return path;
}

}  // namespace

void FileUsage::attach(syscalls::CallTracker& tracker, const syscalls::Guest& guest,
                       std::function<std::string(int64_t)> describe_fd) {
    describe_fd_ = std::move(describe_fd);
    guest_ = &guest;
    tracker.on_all_sys_enter([this](const Call& call) { enter(call); });
    tracker.on_all_sys_return([this](const Call& call, const Return& result) { leave(call, result); });
    requests_.attach(tracker, guest, describe_fd_,
                     [this](const syscalls::Request& request) { done(request); });
}

std::string FileUsage::whole_path(int64_t directory, const std::string& path) const {
    if (path.empty() || path.front() == '/')
        return path;
    const std::string base = describe_fd_(directory);
    return base.empty() ? path : base.back() == '/' ? base + path : base + "/" + path;
}

FileUsage::Open FileUsage::open_path(int64_t directory, uint64_t path) const {
    return {whole_path(directory, path_at(guest_->user_memory(), path)), {}, path, directory};
}

// i386's old mmap has its arguments in memory (struct mmap_arg_struct32).
int64_t FileUsage::mapped_fd(const Call& call) const {
    constexpr size_t fd = 4;
    if (call.abi == syscalls::Abi::x86_64 || call.name() != "mmap")
        return syscalls::fd_argument(call, fd);
    int32_t value = -1;
    const auto bytes = std::as_writable_bytes(std::span(&value, 1));
    return guest_->user_memory().read(call.arguments[0] + fd * sizeof value, bytes) ? value : -1;
}

// Descriptors are looked up when the call is made: it may be a close, and another thread may open another
// file.
void FileUsage::enter(const Call& call) {
    if (!processes_.selects(call.task))
        return;
    switch (kind_of(call)) {
        case Kind::open:
        case Kind::execute:
            open_[&call] = open_path(at_fdcwd, call.arguments[0]);
            break;
        case Kind::open_at:
        case Kind::execute_at:
            open_[&call] = open_path(syscalls::fd_argument(call, 0), call.arguments[1]);
            break;
        case Kind::map:
            if (const int64_t fd = mapped_fd(call); fd >= 0)
                open_[&call] = {describe_fd_(fd), {}, 0, 0};
            break;
        case Kind::transfer: {
            const syscalls::Transfer transfer = *syscalls::transfer_of(call);
            open_[&call] = {transfer.from ? describe_fd_(*transfer.from) : "",
                            transfer.to ? describe_fd_(*transfer.to) : "", 0, 0};
            break;
        }
        case Kind::other:
            break;
    }
}

// What was asked for in memory counts as the call that it stands for.
void FileUsage::done(const syscalls::Request& request) {
    if (processes_.selects(request.task))
        count_transfer(request);
}

Usage* FileUsage::usage_of(const syscalls::Task& task, const std::string& file, uint64_t first_instr,
                           uint64_t last_instr) {
    if (file.empty() || (!options_.all && file.front() != '/'))
        return nullptr;
    Usage& usage = usage_[{task.pid, task.name, file}];
    if (usage == Usage{})
        usage.first_instr = first_instr;
    usage.last_instr = last_instr;
    return &usage;
}

void FileUsage::leave(const Call& call, const Return& result) {
    const auto found = open_.find(&call);
    if (found == open_.end())
        return;
    Open open = std::move(found->second);
    open_.erase(found);
    const Kind kind = kind_of(call);
    if (kind == Kind::transfer) {
        // A task that is killed in a call has moved what it moved before.
        if (const auto moved = syscalls::moved_bytes(call, result, guest_->user_memory()))
            count_transfer({call.task, call.instr, open.file, open.second, *moved, result.instr});
        return;
    }
    if (result.ending != Ending::returned)
        return;
    if (open.file.empty() && open.path != 0)
        open.file = open_path(open.directory, open.path).file;
    // The kernel's own name of what was opened, without symbolic links and "..".
    if ((kind == Kind::open || kind == Kind::open_at) && result.value >= 0)
        if (std::string name = describe_fd_(result.value); !name.empty())
            open.file = std::move(name);
    if (Usage* usage = usage_of(call.task, open.file, call.instr, result.instr)) {
        const bool failed = result.failed();
        usage->opens += (kind == Kind::open || kind == Kind::open_at) && !failed;
        usage->failed_opens += (kind == Kind::open || kind == Kind::open_at) && failed;
        usage->maps += kind == Kind::map && !failed;
        usage->executed += (kind == Kind::execute || kind == Kind::execute_at) && !failed;
    }
}

void FileUsage::count_transfer(const syscalls::Request& transfer) {
    if (Usage* usage = usage_of(transfer.task, transfer.from, transfer.instr, transfer.done_instr)) {
        ++usage->reads;
        usage->read_bytes += transfer.bytes;
    }
    if (Usage* usage = usage_of(transfer.task, transfer.to, transfer.instr, transfer.done_instr)) {
        ++usage->writes;
        usage->written_bytes += transfer.bytes;
    }
}

void FileUsage::write_table(std::ostream& out) const {
    out << "  PID NAME             OPENS  READS       READ WRITES    WRITTEN FILE\n";
    for (const auto& [key, usage] : usage_) {
        const auto& [pid, name, file] = key;
        char text[128];
        std::snprintf(
            text, sizeof text, "%5lld %-15s %6llu %6llu %10llu %6llu %10llu ", static_cast<long long>(pid),
            analyze_osi::printable(name).substr(0, 15).c_str(), static_cast<unsigned long long>(usage.opens),
            static_cast<unsigned long long>(usage.reads), static_cast<unsigned long long>(usage.read_bytes),
            static_cast<unsigned long long>(usage.writes),
            static_cast<unsigned long long>(usage.written_bytes));
        out << text << analyze_osi::printable(file) << '\n';
    }
}

void FileUsage::write_json(std::ostream& out) const {
    for (const auto& [key, usage] : usage_) {
        const auto& [pid, name, file] = key;
        write_json_line(out, {{"kind", "file_usage"},
                              {"pid", pid},
                              {"name", name},
                              {"file", file},
                              {"opens", usage.opens},
                              {"failed_opens", usage.failed_opens},
                              {"reads", usage.reads},
                              {"read_bytes", usage.read_bytes},
                              {"writes", usage.writes},
                              {"written_bytes", usage.written_bytes},
                              {"maps", usage.maps},
                              {"executed", usage.executed},
                              {"first_instr", usage.first_instr},
                              {"last_instr", usage.last_instr}});
    }
}

}  // namespace panda::analyze_files
