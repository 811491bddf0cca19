// The sockets of a guest, from system calls: who talked to whom, and how many bytes were sent and received.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "analyzers/syscalls/request_follower.h"
#include "analyzers/syscalls/selection.h"
#include "analyzers/syscalls/tracker.h"
#include "osi/provider.h"

namespace panda::analyze_net {

// A socket, whichever processes have it open.
struct Socket {
    int64_t pid = 0;     // of the process that made it, accepted it, or was first seen with it
    std::string name;    // of that process
    std::string family;  // "inet", "inet6", "unix", "netlink", "family 21"; empty if nothing tells it
    std::string type;    // "stream", "dgram", …
    std::string local;   // "127.0.0.1:80", or a path; empty if no call tells it
    std::string peer;    // from the last connect, accept, send or receive that tells it
    std::string role;    // "client", "server", "listener", or empty
    int64_t error = 0;   // errno of a connect that failed
    uint64_t sends = 0, sent_bytes = 0;
    uint64_t receives = 0, received_bytes = 0;
    uint64_t first_instr = 0, last_instr = 0;
};

class Connections {
  public:
    // processes: as for syscalls::ProcessSelection; empty = all.
    explicit Connections(const std::vector<std::string>& processes) : processes_(processes, false) {}
    Connections(const Connections&) = delete;
    Connections& operator=(const Connections&) = delete;

    // Adds itself to the tracker. describe_fd: tells what a descriptor of the current task is; for sockets,
    // "socket:[123]". All of them must outlive the pass.
    void attach(syscalls::CallTracker& tracker, const syscalls::Guest& guest,
                std::function<std::string(int64_t)> describe_fd);

    // What the kernel says about a descriptor of the current task that is a socket. It tells about sockets that
    // were made before the trace.
    using DescribeSocket = std::function<std::optional<osi::Socket>(int64_t)>;
    void describe_sockets(DescribeSocket describe) { describe_socket_ = std::move(describe); }

    // The sockets by the kernel's name for them, "socket:[123]".
    const std::map<std::string, Socket>& sockets() const { return sockets_; }

    // Columns: PID NAME FAMILY TYPE ROLE LOCAL PEER SENT RECEIVED, in the order in which they were first
    // seen.
    void write_table(std::ostream& out) const;
    // {"kind": "socket", "pid", "name", "socket", "family", "type", "role", "local", "peer", "error",
    // "sends", "sent_bytes", "receives", "received_bytes", "first_instr", "last_instr"}
    void write_json(std::ostream& out) const;

  private:
    // For a call: the socket that it is about or receives from, and the one that it sends to. A name is empty
    // if there is no such socket.
    struct Open {
        std::string socket;
        std::string second;
    };

    void enter(const syscalls::Call& call);
    void leave(const syscalls::Call& call, const syscalls::Return& result);
    void done(const syscalls::Request& request);
    void returned(const syscalls::Call& call, const syscalls::Return& result, Socket& socket);
    void count_transfer(const syscalls::Request& transfer);
    void transferred(const syscalls::Call& call, const syscalls::Return& result, const Open& open,
                     uint64_t bytes);
    std::string named_peer(const syscalls::Call& call, const syscalls::Return& result) const;
    // The socket that a descriptor is; null if it is not a socket.
    Socket* socket_of(const syscalls::Task& task, uint64_t instr, const std::string& name);
    void made(const syscalls::Call& call, int64_t fd, uint64_t instr);
    uint32_t length_at(uint64_t address) const;
    std::string address_at(uint64_t address, uint64_t size) const;
    std::vector<const std::pair<const std::string, Socket>*> in_order() const;

    syscalls::ProcessSelection processes_;
    std::function<std::string(int64_t)> describe_fd_;
    DescribeSocket describe_socket_;
    const syscalls::Guest* guest_ = nullptr;
    syscalls::RequestFollower requests_;
    std::map<const syscalls::Call*, Open> open_;  // calls on sockets that have not returned
    std::map<std::string, Socket> sockets_;
    std::map<std::string, osi::Socket> before_;  // those that were made before the trace, until they are used
};

}  // namespace panda::analyze_net
