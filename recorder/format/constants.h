// The constants of a recording: files that the machine was given and whose bytes its devices will write to
// memory as they are, such as kernel and initrd. They belong to the machine's state at power-on as its ROMs
// do. The log refers to them instead of repeating them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/bytes.h"

namespace panda::recording {

struct Constant {
    std::string name;
    uint64_t size = 0;  // bytes
};

// All constants, one after the other, in which device writes are looked up.
class ConstantPool {
  public:
    // A device write that is to be found has at least so many bytes ...
    static constexpr size_t least_write = 4096;
    // ... and begins at a multiple of this in its file: devices and boot loaders copy files by sectors.
    static constexpr size_t alignment = 512;

    // Copies the bytes. Throws Error when all of them exceed the limits of container.h. Some 20 ms for a
    // kernel and an initrd of 14 MiB.
    void add(const std::string& name, std::span<const std::byte> bytes);

    // Where all of `written` stands in bytes(), if it does. Hashes 4 KiB, and compares the rest when they are
    // known. Callable from several threads once nothing is added any more.
    std::optional<uint64_t> find(std::span<const std::byte> written) const;

    const std::vector<Constant>& constants() const { return constants_; }
    std::span<const std::byte> bytes() const { return bytes_; }

  private:
    std::vector<Constant> constants_;
    Bytes bytes_;
    // Hash of the next `least_write` bytes to their first place in bytes_.
    std::unordered_map<uint64_t, uint64_t> places_;
};

}  // namespace panda::recording
