#include "analyzers/net/connections.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string_view>

#include "analyzers/osi/text.h"
#include "analyzers/syscalls/by_name.h"
#include "analyzers/syscalls/call_text.h"
#include "analyzers/syscalls/transfer.h"
#include "common/json_value.h"

namespace panda::analyze_net {
namespace {

using syscalls::Call;
using syscalls::Ending;
using syscalls::Return;

enum class Kind { other, make, make_pair, connect, bind, listen, accept, name, peer_name, transfer };

Kind kind_of(const Call& call) {
    struct Entry {
        std::string_view name;
        Kind kind;
    };
    static constexpr Entry kinds[] = {
        {"socket", Kind::make},    {"socketpair", Kind::make_pair}, {"connect", Kind::connect},
        {"bind", Kind::bind},      {"listen", Kind::listen},        {"accept", Kind::accept},
        {"accept4", Kind::accept}, {"getsockname", Kind::name},     {"getpeername", Kind::peer_name}};
    if (const Entry* entry = syscalls::entry_of(kinds, call))
        return entry->kind;
    return syscalls::transfer_of(call) ? Kind::transfer : Kind::other;
}

std::string family_name(uint64_t family) {
    switch (family) {
        case 1:
            return "unix";
        case 2:
            return "inet";
        case 10:
            return "inet6";
        case 16:
            return "netlink";
        case 17:
            return "packet";
        default:
            return "family " + std::to_string(family);
    }
}

std::string type_name(uint64_t type) {
    static constexpr const char* names[] = {"", "stream", "dgram", "raw", "rdm", "seqpacket", "dccp"};
    return (type & 0xf) < std::size(names) ? names[type & 0xf] : "type " + std::to_string(type & 0xf);
}

// "127.0.0.1:80", "[::1]:80", a path, "@abstract", "pid 7".
std::string address_text(std::span<const std::byte> bytes) {
    const auto* data = reinterpret_cast<const char*>(bytes.data());
    const auto number = [&](size_t offset) {
        uint16_t value = 0;
        if (offset + sizeof value <= bytes.size())
            std::copy_n(data + offset, sizeof value, reinterpret_cast<char*>(&value));
        return value;
    };
    char text[INET6_ADDRSTRLEN] = "";
    const uint16_t family = number(0);
    if (family == 2 && bytes.size() >= 8)
        return inet_ntop(AF_INET, data + 4, text, sizeof text) + (":" + std::to_string(ntohs(number(2))));
    if (family == 10 && bytes.size() >= 24)
        return std::string("[") + inet_ntop(AF_INET6, data + 8, text, sizeof text) +
               "]:" + std::to_string(ntohs(number(2)));
    if (family == 1 && bytes.size() > 2) {
        std::string path(data + 2, bytes.size() - 2);
        if (path.front() == '\0')
            return "@" + path.substr(1);
        return path.substr(0, path.find('\0'));
    }
    if (family == 16 && bytes.size() >= 8)
        return "pid " + std::to_string(number(4) | uint32_t{number(6)} << 16);
    return {};
}

// An end of a socket as the kernel has it, in the words of addresses in calls; empty if it is not bound, or not
// connected.
std::string end_text(const osi::Socket& socket, const std::string& end) {
    const size_t colon = end.rfind(':');
    switch (socket.family) {
        case AF_INET:
        case AF_INET6:
            if (end.ends_with(":*"))
                return {};
            return end.starts_with("*:") ? "[::]" + end.substr(1) : end;
        case AF_NETLINK:
            return colon == std::string::npos || end.ends_with(":kernel") ? ""
                                                                          : "pid " + end.substr(colon + 1);
        default:
            return end == "*" ? "" : end;
    }
}

bool is_socket(const std::string& name) {
    return name.starts_with("socket:");
}

}  // namespace

void Connections::attach(syscalls::CallTracker& tracker, const syscalls::Guest& guest,
                         std::function<std::string(int64_t)> describe_fd) {
    describe_fd_ = std::move(describe_fd);
    guest_ = &guest;
    tracker.on_all_sys_enter([this](const Call& call) { enter(call); });
    tracker.on_all_sys_return([this](const Call& call, const Return& result) { leave(call, result); });
    requests_.attach(tracker, guest, describe_fd_,
                     [this](const syscalls::Request& request) { done(request); });
}

std::string Connections::address_at(uint64_t address, uint64_t size) const {
    std::vector<std::byte> bytes(std::min<uint64_t>(size, 128));  // struct sockaddr_storage
    if (address == 0 || bytes.size() < 2 || !guest_->user_memory().read(address, bytes))
        return {};
    return address_text(bytes);
}

uint32_t Connections::length_at(uint64_t address) const {
    uint32_t length = 0;
    return guest_->user_memory().read(address, std::as_writable_bytes(std::span(&length, 1))) ? length : 0;
}

void Connections::enter(const Call& call) {
    const Kind kind = kind_of(call);
    if (kind == Kind::other || !processes_.selects(call.task))
        return;
    if (kind == Kind::make || kind == Kind::make_pair) {
        open_[&call] = {};
        return;
    }
    const auto socket_at = [this](std::optional<int64_t> fd) {
        std::string name = fd ? describe_fd_(*fd) : "";
        if (!is_socket(name))
            return std::string();
        if (describe_socket_ && !sockets_.contains(name) && !before_.contains(name))
            if (const auto socket = describe_socket_(*fd))
                before_.emplace(name, *socket);
        return name;
    };
    Open open;
    if (kind == Kind::transfer) {
        const syscalls::Transfer transfer = *syscalls::transfer_of(call);
        open = {socket_at(transfer.from), socket_at(transfer.to)};
    } else {
        open.socket = socket_at(syscalls::fd_argument(call, 0));
    }
    if (!open.socket.empty() || !open.second.empty())
        open_[&call] = std::move(open);
}

Socket* Connections::socket_of(const syscalls::Task& task, uint64_t instr, const std::string& name) {
    if (!is_socket(name))
        return nullptr;
    const auto [place, is_new] = sockets_.try_emplace(name);
    Socket& socket = place->second;
    if (is_new) {
        socket.pid = task.pid;
        socket.name = task.name;
        socket.first_instr = instr;
        if (const auto before = before_.extract(name)) {
            const osi::Socket& known = before.mapped();
            socket.family = family_name(known.family);
            socket.type = type_name(known.type);
            socket.local = end_text(known, known.local);
            socket.peer = end_text(known, known.peer);
            if (known.state == "LISTEN")
                socket.role = "listener";
        }
    }
    return &socket;
}

void Connections::made(const Call& call, int64_t fd, uint64_t instr) {
    if (Socket* socket = socket_of(call.task, call.instr, describe_fd_(fd))) {
        socket->family = family_name(call.arguments[0] & 0xffff'ffff);
        socket->type = type_name(call.arguments[1]);
        socket->last_instr = instr;
    }
}

void Connections::leave(const Call& call, const Return& result) {
    const auto found = open_.find(&call);
    if (found == open_.end())
        return;
    const Open open = std::move(found->second);
    open_.erase(found);
    const Kind kind = kind_of(call);
    if (kind == Kind::transfer) {
        // A task that is killed in a call has moved what it moved before.
        if (const auto moved = syscalls::moved_bytes(call, result, guest_->user_memory()))
            transferred(call, result, open, *moved);
        return;
    }
    if (result.ending != Ending::returned)
        return;
    if (kind == Kind::make && result.value >= 0) {
        made(call, result.value, result.instr);
    } else if (kind == Kind::make_pair && result.value == 0) {
        int32_t fds[2] = {-1, -1};
        if (guest_->user_memory().read(call.arguments[3], std::as_writable_bytes(std::span(fds))))
            for (const int32_t fd : fds)
                made(call, fd, result.instr);
    } else if (Socket* socket = socket_of(call.task, call.instr, open.socket)) {
        socket->last_instr = result.instr;
        returned(call, result, *socket);
    }
}

void Connections::returned(const Call& call, const Return& result, Socket& socket) {
    const auto& arguments = call.arguments;
    const bool failed = result.failed();
    constexpr int64_t einprogress = 115;
    switch (kind_of(call)) {
        case Kind::connect:
            socket.peer = address_at(arguments[1], arguments[2] & 0xffff'ffff);
            socket.role = "client";
            socket.error = failed && result.value != -einprogress ? -result.value : 0;
            break;
        case Kind::bind:
            if (!failed)
                socket.local = address_at(arguments[1], arguments[2] & 0xffff'ffff);
            break;
        case Kind::listen:
            if (!failed)
                socket.role = "listener";
            break;
        case Kind::accept:
            if (Socket* accepted =
                    failed ? nullptr : socket_of(call.task, call.instr, describe_fd_(result.value))) {
                accepted->family = socket.family;
                accepted->type = socket.type;
                accepted->local = socket.local;
                accepted->role = "server";
                accepted->peer = address_at(arguments[1], length_at(arguments[2]));
                accepted->last_instr = result.instr;
            }
            break;
        case Kind::name:
        case Kind::peer_name:
            if (!failed)
                (kind_of(call) == Kind::name ? socket.local : socket.peer) =
                    address_at(arguments[1], length_at(arguments[2]));
            break;
        default:
            break;
    }
}

// The peer that the call names in its arguments or in its message; empty if it names none.
std::string Connections::named_peer(const Call& call, const Return& result) const {
    const auto& arguments = call.arguments;
    if (call.name() == "sendto")
        return address_at(arguments[4], arguments[5] & 0xffff'ffff);
    if (call.name() == "recvfrom")
        return address_at(arguments[4], length_at(arguments[5]));
    const auto message = syscalls::message_place(call, result);
    if (!message)
        return {};
    const size_t word = syscalls::word_size(call.abi);
    uint64_t name = 0;
    if (!guest_->user_memory().read(*message, std::as_writable_bytes(std::span(&name, 1)).first(word)))
        return {};
    return address_at(name, length_at(*message + word));
}

void Connections::count_transfer(const syscalls::Request& transfer) {
    if (Socket* socket = socket_of(transfer.task, transfer.instr, transfer.from)) {
        ++socket->receives;
        socket->received_bytes += transfer.bytes;
        socket->last_instr = transfer.done_instr;
    }
    if (Socket* socket = socket_of(transfer.task, transfer.instr, transfer.to)) {
        ++socket->sends;
        socket->sent_bytes += transfer.bytes;
        socket->last_instr = transfer.done_instr;
    }
}

void Connections::transferred(const Call& call, const Return& result, const Open& open, uint64_t bytes) {
    count_transfer({call.task, call.instr, open.socket, open.second, bytes, result.instr});
    for (const std::string& name : {open.socket, open.second})
        if (Socket* socket = socket_of(call.task, call.instr, name))
            if (std::string peer = named_peer(call, result); !peer.empty())
                socket->peer = std::move(peer);
}

// What was asked for in memory counts as the call that it stands for.
void Connections::done(const syscalls::Request& request) {
    if (processes_.selects(request.task))
        count_transfer(request);
}

std::vector<const std::pair<const std::string, Socket>*> Connections::in_order() const {
    std::vector<const std::pair<const std::string, Socket>*> entries;
    for (const auto& entry : sockets_)
        entries.push_back(&entry);
    std::stable_sort(entries.begin(), entries.end(), [](const auto* a, const auto* b) {
        return a->second.first_instr < b->second.first_instr;
    });
    return entries;
}

void Connections::write_table(std::ostream& out) const {
    out << "  PID NAME            FAMILY  TYPE      ROLE           SENT   RECEIVED LOCAL -> PEER\n";
    for (const auto* entry : in_order()) {
        const Socket& socket = entry->second;
        char text[128];
        std::snprintf(text, sizeof text, "%5lld %-15s %-7s %-9s %-8s %10llu %10llu ",
                      static_cast<long long>(socket.pid),
                      analyze_osi::printable(socket.name).substr(0, 15).c_str(), socket.family.c_str(),
                      socket.type.c_str(), socket.role.c_str(),
                      static_cast<unsigned long long>(socket.sent_bytes),
                      static_cast<unsigned long long>(socket.received_bytes));
        out << text << (socket.local.empty() ? "-" : analyze_osi::printable(socket.local)) << " -> "
            << (socket.peer.empty() ? "-" : analyze_osi::printable(socket.peer));
        if (socket.error != 0)
            out << " (" << syscalls::errno_name(socket.error) << ")";
        out << '\n';
    }
}

void Connections::write_json(std::ostream& out) const {
    for (const auto* entry : in_order()) {
        const Socket& socket = entry->second;
        Json object = {{"kind", "socket"},       {"pid", socket.pid},       {"name", socket.name},
                       {"socket", entry->first}, {"family", socket.family}, {"type", socket.type},
                       {"role", socket.role},    {"local", socket.local},   {"peer", socket.peer}};
        if (socket.error != 0)
            object["error"] = syscalls::errno_name(socket.error);
        object["sends"] = socket.sends;
        object["sent_bytes"] = socket.sent_bytes;
        object["receives"] = socket.receives;
        object["received_bytes"] = socket.received_bytes;
        object["first_instr"] = socket.first_instr;
        object["last_instr"] = socket.last_instr;
        write_json_line(out, object);
    }
}

}  // namespace panda::analyze_net
