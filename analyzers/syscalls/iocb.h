// An asynchronous request of io_submit.
#pragma once

#include <cstdint>

namespace panda::syscalls {

// struct iocb of include/uapi/linux/aio_abi.h; the same for both ABIs.
struct Iocb {
    uint64_t data;
    uint32_t key;
    uint32_t rw_flags;
    uint16_t command;
    int16_t priority;
    uint32_t fd;
    uint64_t buffer;
    uint64_t bytes;
    int64_t offset;
    uint64_t reserved;
    uint32_t flags;
    uint32_t notified_fd;
};
static_assert(sizeof(Iocb) == 64);

// IOCB_CMD_….
namespace iocb_command {
inline constexpr uint16_t pread = 0, pwrite = 1, poll = 5, preadv = 7, pwritev = 8;
}

}  // namespace panda::syscalls
