// Finds out from system calls who opened, read and wrote which file.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <map>
#include <string>
#include <tuple>

#include "analyzers/syscalls/request_follower.h"
#include "analyzers/syscalls/selection.h"
#include "analyzers/syscalls/tracker.h"

namespace panda::analyze_files {

// What one process did with one file. Except for failed_opens, only calls that succeeded count.
struct Usage {
    uint64_t opens = 0;
    uint64_t failed_opens = 0;
    uint64_t reads = 0;
    uint64_t read_bytes = 0;
    uint64_t writes = 0;
    uint64_t written_bytes = 0;
    uint64_t maps = 0;      // mmap
    uint64_t executed = 0;  // execve
    uint64_t first_instr = 0;
    uint64_t last_instr = 0;

    bool operator==(const Usage&) const = default;
};

struct Options {
    bool all = false;  // also pipes, sockets and the like, not only what has a path
    std::vector<std::string> processes;
};

class FileUsage {
  public:
    using Key = std::tuple<int64_t, std::string, std::string>;  // pid, name of the process, file

    explicit FileUsage(const Options& options) : options_(options), processes_(options.processes, false) {}
    FileUsage(const FileUsage&) = delete;
    FileUsage& operator=(const FileUsage&) = delete;

    // Adds itself to the tracker. describe_fd: tells what a descriptor of the current task is, also AT_FDCWD
    // (-100). All of them must outlive the pass.
    void attach(syscalls::CallTracker& tracker, const syscalls::Guest& guest,
                std::function<std::string(int64_t)> describe_fd);

    const std::map<Key, Usage>& usage() const { return usage_; }

    // Columns: PID NAME OPENS READS READ WRITES WRITTEN FILE.
    void write_table(std::ostream& out) const;
    // {"kind": "file_usage", "pid", "name", "file", "opens", "failed_opens", "reads", "read_bytes", "writes",
    // "written_bytes", "maps", "executed", "first_instr", "last_instr"}
    void write_json(std::ostream& out) const;

  private:
    struct Open {
        std::string file;    // the one that the call reads, maps or names
        std::string second;  // the one that it writes
        // The address of a path that could not be read when the call was made: its page appears when the
        // kernel reads it.
        uint64_t path = 0;
        int64_t directory = 0;
    };

    void enter(const syscalls::Call& call);
    void leave(const syscalls::Call& call, const syscalls::Return& result);
    void done(const syscalls::Request& request);
    void count_transfer(const syscalls::Request& transfer);
    int64_t mapped_fd(const syscalls::Call& call) const;
    Open open_path(int64_t directory, uint64_t path) const;
    Usage* usage_of(const syscalls::Task& task, const std::string& file, uint64_t first_instr,
                    uint64_t last_instr);
    // The whole of a path that the process gave relative to its working directory, or to that of a
    // descriptor.
    std::string whole_path(int64_t directory, const std::string& path) const;

    Options options_;
    syscalls::ProcessSelection processes_;
    std::function<std::string(int64_t)> describe_fd_;
    const syscalls::Guest* guest_ = nullptr;
    syscalls::RequestFollower requests_;
    std::map<const syscalls::Call*, Open> open_;
    std::map<Key, Usage> usage_;
};

}  // namespace panda::analyze_files
