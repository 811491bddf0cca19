// Walks the tables in which the kernel's protocols keep their sockets.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "kernelinfo/kernel_info.h"
#include "osi/linux/kernel_memory.h"

namespace panda::osi::linux_guest {

class SocketTables {
  public:
    // slide: by how much the kernel has moved. Memory and info must outlive this.
    SocketTables(const KernelMemory& memory, const kernelinfo::KernelInfo& info, uint64_t slide)
        : memory_(memory), info_(info), slide_(slide) {}

    // Calls visit with the address of each struct sock of TCP, UDP, raw, unix, netlink and packet sockets, in all network
    // namespaces; once for each, unless the tables are caught in the middle of a change. TCP's table also has connections
    // that are no whole sockets: those that only wait, and requests. Returns why there may be more; empty if there are not.
    // Tables that the group does not tell are left out.
    std::string walk(const std::function<void(uint64_t sock)>& visit);

  private:
    uint64_t variable(const kernelinfo::Address& linked) const;
    uint64_t pointer(uint64_t base, const kernelinfo::Offset& offset) const;
    uint64_t count(uint64_t base, const kernelinfo::Offset& mask) const;
    void walk_tcp();
    void walk_udp();
    void walk_raw(const kernelinfo::Address& table);
    void walk_netlink();
    void walk_networks();
    // `buckets` heads of lists, `step` bytes apart.
    void walk_buckets(uint64_t first, uint64_t buckets, uint64_t step, const kernelinfo::Offset& node,
                      uint64_t lock = 0);
    void walk_bucket(uint64_t head, const kernelinfo::Offset& node, uint64_t lock = 0);

    const KernelMemory& memory_;
    const kernelinfo::KernelInfo& info_;
    const uint64_t slide_;
    std::function<void(uint64_t)> visit_;
    uint64_t sockets_ = 0;  // visited
    std::string warning_;
};

}  // namespace panda::osi::linux_guest
