// Typed reads from the memory of a guest's kernel.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "osi/x86_paging.h"

namespace panda::osi::linux_guest {

// The address of a member, by its offset in a kernelinfo group.
inline uint64_t at(uint64_t base, int64_t offset) {
    return base + static_cast<uint64_t>(offset);
}

class KernelMemory {
  public:
    // pointer_size: bytes of the kernel's pointers, 4 or 8.
    KernelMemory(AddressSpace space, unsigned pointer_size) : space_(space), pointer_size_(pointer_size) {}

    // Each returns nothing when the address cannot be read.
    std::optional<uint64_t> pointer(uint64_t address) const;
    std::optional<uint32_t> u32(uint64_t address) const;
    std::optional<uint64_t> u64(uint64_t address) const;
    // The text up to its final zero, at most `limit` bytes. What cannot be printed becomes '?'.
    std::optional<std::string> string(uint64_t address, size_t limit) const;
    // The same, with every byte as it is: for file names.
    std::optional<std::string> raw_string(uint64_t address, size_t limit) const;

    // Where a member that points to the kernel's own data leads. Nothing if there is no base, if the group does not
    // know the member, or if it cannot be read or points elsewhere.
    std::optional<uint64_t> follow(std::optional<uint64_t> base, std::optional<int64_t> offset) const;

    // Whether a kernel's pointer to its own data can have this value.
    bool is_kernel_address(uint64_t address) const;

    const AddressSpace& space() const { return space_; }
    unsigned pointer_size() const { return pointer_size_; }
    // Makes an address of the result of arithmetic: 32-bit kernels wrap at 4 GiB.
    uint64_t wrap(uint64_t address) const { return pointer_size_ == 8 ? address : address & 0xffff'ffff; }

  private:
    template <typename T>
    std::optional<T> load(uint64_t address) const;

    AddressSpace space_;
    unsigned pointer_size_;
};

}  // namespace panda::osi::linux_guest
