#include "osi/linux/kernel_memory.h"

#include <algorithm>
#include <array>

namespace panda::osi::linux_guest {

template <typename T>
std::optional<T> KernelMemory::load(uint64_t address) const {
    T value{};
    if (!space_.read(wrap(address), std::as_writable_bytes(std::span(&value, 1))))
        return std::nullopt;
    return value;
}

std::optional<uint32_t> KernelMemory::u32(uint64_t address) const {
    return load<uint32_t>(address);
}

std::optional<uint64_t> KernelMemory::u64(uint64_t address) const {
    return load<uint64_t>(address);
}

std::optional<uint64_t> KernelMemory::pointer(uint64_t address) const {
    if (pointer_size_ == 8)
        return load<uint64_t>(address);
    return load<uint32_t>(address);
}

std::optional<std::string> KernelMemory::raw_string(uint64_t address, size_t limit) const {
    std::string text;
    std::array<char, 64> piece;
    while (text.size() < limit) {
        // A piece that ends at a multiple of its size never reaches into a page that may not be there.
        const uint64_t at = wrap(address + text.size());
        const size_t size = std::min(limit - text.size(), piece.size() - at % piece.size());
        if (!space_.read(at, std::as_writable_bytes(std::span(piece)).first(size)))
            return std::nullopt;
        const auto end = std::find(piece.begin(), piece.begin() + size, '\0');
        text.append(piece.begin(), end);
        if (end != piece.begin() + size)
            break;
    }
    return text;
}

std::optional<std::string> KernelMemory::string(uint64_t address, size_t limit) const {
    auto text = raw_string(address, limit);
    if (text)
        std::replace_if(
            text->begin(), text->end(), [](char letter) { return letter < ' ' || letter > '~'; }, '?');
    return text;
}

std::optional<uint64_t> KernelMemory::follow(std::optional<uint64_t> base,
                                             std::optional<int64_t> offset) const {
    const auto value = base && offset ? pointer(at(*base, *offset)) : std::nullopt;
    return value && is_kernel_address(*value) ? value : std::nullopt;
}

bool KernelMemory::is_kernel_address(uint64_t address) const {
    // 32-bit kernels split the address space at 3 GiB by default, and at 1 or 2 GiB if configured so.
    return pointer_size_ == 8 ? address >> 63 != 0 : address >= 0x4000'0000 && address <= 0xffff'ffff;
}

}  // namespace panda::osi::linux_guest
