// Reads the kernel's sockets.
#pragma once

#include <cstdint>
#include <optional>

#include "kernelinfo/kernel_info.h"
#include "osi/linux/kernel_memory.h"
#include "osi/provider.h"

namespace panda::osi::linux_guest {

class Sockets {
  public:
    // Both must outlive this.
    Sockets(const KernelMemory& memory, const kernelinfo::KernelInfo& info) : memory_(memory), info_(info) {}

    // The socket of a struct file, given its address; nothing if it cannot be read. The file must be a socket.
    // Throws Error if the group does not say where sockets are.
    std::optional<Socket> of_file(uint64_t file) const;
    // The socket of a struct sock, given its address, whether a file has it or not; nothing if it cannot be read.
    std::optional<Socket> of_sock(uint64_t sock) const;

  private:
    uint64_t field(uint64_t base, const kernelinfo::Offset& offset, unsigned size) const;
    uint64_t pointer(uint64_t base, const kernelinfo::Offset& offset) const;
    uint64_t inode_of(uint64_t socket) const;
    Socket read_part(uint64_t sock, Socket socket, uint64_t state) const;
    void read_inet_ends(uint64_t sock, Socket& socket) const;
    void read_inet_queues(uint64_t sock, Socket& socket) const;
    void read_unix(uint64_t sock, Socket& socket) const;
    std::string unix_name(uint64_t sock) const;
    uint64_t unix_queue(uint64_t sock, const Socket& socket) const;
    void read_netlink(uint64_t sock, Socket& socket) const;
    void read_packet(uint64_t sock, Socket& socket) const;
    void read_vsock(uint64_t sock, Socket& socket) const;
    // The memory that the socket's packets take, received ones and those to send, as ss shows it.
    void read_memory_queues(uint64_t sock, Socket& socket) const;

    const KernelMemory& memory_;
    const kernelinfo::KernelInfo& info_;
};

}  // namespace panda::osi::linux_guest
