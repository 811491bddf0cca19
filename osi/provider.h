// Introspection in C++: what a provider (one for each kind of operating system) tells about a moment of a
// guest. osi.h is the same for C.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "trace/cpu_state.h"
#include "trace/memory/physical_memory.h"

namespace panda::osi {

class EventListener;
class EventWatch;

// A moment of a guest. What it points to must outlive it.
struct Point {
    const trace::PhysicalMemory* memory;
    const trace::CpuState* cpu;
};

// Enough to identify a process and to ask for more.
struct ProcessHandle {
    uint64_t task = 0;  // virtual address of the task descriptor
    uint64_t asid = 0;  // physical address of the top page table; kernel threads and zombies have 0

    bool operator==(const ProcessHandle&) const = default;
};

struct Process {
    ProcessHandle handle;
    int64_t pid = 0;    // of the process: the thread group's number
    int64_t ppid = 0;   // of the real parent
    std::string name;   // as the kernel's task descriptor has it; Linux: comm, at most 15 bytes
    std::string title;  // as the system's own tools show it; Linux: Name in /proc/PID/status

    bool operator==(const Process&) const = default;
};

// A namespace that a process is in.
struct Namespace {
    std::string name;     // Linux: of its file in /proc/PID/ns: "mnt", "pid_for_children"
    uint64_t number = 0;  // Linux: the inode of that file
    bool initial = true;  // it is the one with which the system started

    bool operator==(const Namespace&) const = default;
};

// What else is known about a process. Each is empty if the provider cannot tell.
struct ProcessDetails {
    std::optional<uint32_t> uid, gid, euid, egid;  // Linux: as in /proc/PID/status
    std::optional<uint64_t> start_time;            // nanoseconds since the system's start
    std::string executable;                        // path; empty for kernel threads. Linux: /proc/PID/exe
    std::string working_directory;                 // path. Linux: /proc/PID/cwd
    // From the system's own process namespace to the innermost. Linux: NSpid in /proc/PID/status
    std::vector<int64_t> namespace_pids = {};
    std::string root = {};  // path. Linux: /proc/PID/root
    // Linux: /proc/PID/ns, in the order of the names there.
    std::vector<Namespace> namespaces = {};

    bool operator==(const ProcessDetails&) const = default;
};

struct Thread {
    uint64_t task = 0;  // virtual address of the task descriptor
    int64_t pid = 0;    // of the process
    int64_t tid = 0;
    std::string name;

    bool operator==(const Thread&) const = default;
};

// A module of the kernel.
struct Module {
    uint64_t descriptor = 0;  // virtual address
    uint64_t base = 0;        // virtual address
    uint64_t size = 0;        // bytes
    std::string name;
};

// A symbol of the kernel or of one of its modules, as in /proc/kallsyms.
struct KernelSymbol {
    uint64_t address = 0;
    uint64_t size = 0;  // bytes; 0: not known, it reaches to the next symbol
    char type = '?';    // as nm writes it: 'T' and 't' for functions …
    std::string name;

    bool operator==(const KernelSymbol&) const = default;
};

// A range of a process's addresses, as in /proc/PID/maps.
struct Mapping {
    uint64_t descriptor = 0;  // virtual address
    uint64_t start = 0;
    uint64_t end = 0;
    std::string permissions;  // "r-xp": read, write, execute, private or shared
    uint64_t offset = 0;      // bytes, into the file
    bool has_file = false;
    std::string name;  // path of the file, "[heap]", "[stack]", "[vdso]" …; empty for anonymous memory
};

// A file that a process holds open, as in /proc/PID/fd and /proc/PID/fdinfo.
struct OpenFile {
    int64_t fd = 0;           // the process's number for it; Windows: a handle
    uint64_t descriptor = 0;  // virtual address; Linux: struct file
    std::string name;         // path, or its stand-in: "pipe:[1234]"; empty if it cannot be read
    uint64_t position = 0;    // bytes

    bool operator==(const OpenFile&) const = default;
};

// A socket, as the system's own tools show it. Linux: ss -n.
struct Socket {
    uint64_t descriptor = 0;  // virtual address; Linux: struct sock
    uint64_t inode = 0;       // the number in the name "socket:[123]"
    uint32_t family = 0;      // AF_INET …
    uint32_t type = 0;        // SOCK_STREAM …
    uint32_t protocol = 0;    // IPPROTO_TCP …
    std::string state;        // "LISTEN", "ESTAB", "UNCONN" …
    // "127.0.0.1:80", "[::1]:80", "*:80" (IPv6 and IPv4), "/path", "@name", "rtnl:7", "*:eth0"; the peer's port
    // is "*" if there is no peer. Unix sockets without a name have "*", others of a kind that is not known
    // nothing.
    std::string local, peer;
    uint64_t peer_inode = 0;     // unix: of the socket at the other end; 0 if there is none
    uint64_t receive_queue = 0;  // as ss: bytes; listeners: connections to accept
    uint64_t send_queue = 0;     // listeners: how many may wait
    // The number of the network namespace that it is in; 0 if it is not known.
    uint64_t network = 0;

    bool operator==(const Socket&) const = default;
};

// A socket that a process holds open.
struct OpenSocket {
    int64_t fd = 0;
    Socket socket;

    bool operator==(const OpenSocket&) const = default;
};

// What was found. Guest memory may be damaged or caught in the middle of a change; then the list ends early.
template <typename T>
struct List {
    std::vector<T> entries;
    std::string warning;  // empty, or one sentence that says why there may be more
};

// An operating system's introspection. All functions are const and may run on several points at once. None
// throws because of what guest memory holds, and each takes bounded time and memory. They throw Error when
// they need something that the provider was not given (a key that a kernelinfo.conf lacks).
class Provider {
  public:
    virtual ~Provider() = default;

    // All processes, kernel threads included, with the idle task (pid 0) first.
    virtual List<ProcessHandle> process_handles(const Point& point) const = 0;
    virtual List<Process> processes(const Point& point) const = 0;
    // The process that a handle identifies; nothing if there is no such process.
    virtual std::optional<Process> process(const Point& point, const ProcessHandle& handle) const = 0;
    virtual List<Thread> threads(const Point& point, const ProcessHandle& handle) const = 0;

    virtual ProcessDetails details(const Point& point, const ProcessHandle& handle) const = 0;
    // What the process was started with, from its own memory, where it may have changed it; empty for kernel
    // threads. Linux: /proc/PID/cmdline, /proc/PID/environ, without the zeros at the ends.
    virtual List<std::string> arguments(const Point& point, const ProcessHandle& handle) const = 0;
    virtual List<std::string> environment(const Point& point, const ProcessHandle& handle) const = 0;

    // The process that the processor is running.
    virtual std::optional<ProcessHandle> current_process_handle(const Point& point) const = 0;
    virtual std::optional<Thread> current_thread(const Point& point) const = 0;

    // Ranges of the process's addresses, ascending; none for kernel threads.
    virtual List<Mapping> mappings(const Point& point, const ProcessHandle& handle) const = 0;

    // Files that the process holds open, by ascending number.
    virtual List<OpenFile> files(const Point& point, const ProcessHandle& handle) const = 0;
    // One of them; nothing if that number is not open or cannot be read.
    virtual std::optional<OpenFile> file(const Point& point, const ProcessHandle& handle,
                                         int64_t fd) const = 0;

    // Those of them that are sockets; and one of them, nothing if that number is not an open socket. A provider
    // that knows no sockets finds none.
    virtual List<OpenSocket> sockets(const Point& point, const ProcessHandle& handle) const;
    virtual std::optional<Socket> socket(const Point& point, const ProcessHandle& handle, int64_t fd) const;

    // Sockets that the system itself keeps account of, whether a process has them open or not. Those that were never
    // bound or connected need not be there. Throws no Error when the provider lacks what leads to them.
    virtual List<Socket> known_sockets(const Point& point) const;

    // Modules of the kernel.
    virtual List<Module> modules(const Point& point) const = 0;

    // Symbols of the kernel's own image, by ascending address; of several at one address, those that the kernel's own
    // messages prefer come first. Takes about 0.1 s. A provider that knows none finds none.
    virtual List<KernelSymbol> kernel_symbols(const Point& point) const;
    // Symbols of a module, in any order.
    virtual List<KernelSymbol> module_symbols(const Point& point, const Module& module) const;

    // An object that finds the events of a run (events.h) and tells them to the listener. This and the
    // listener must outlive it.
    virtual std::unique_ptr<EventWatch> watch(EventListener& listener) const = 0;
};

}  // namespace panda::osi
