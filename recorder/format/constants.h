// The constants of a recording: files that the machine was given, such as the kernel and initrd, and whose
// bytes its devices will write to memory as they are. Like its ROMs, they belong to the machine's state at
// power-on. The log refers to them instead of repeating them.
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
    // Only device writes of at least this many bytes are looked up …
    static constexpr size_t least_write = 4096;
    // … and found if they start at a multiple of this in their file: devices and boot loaders copy sectors.
    static constexpr size_t alignment = 512;

    // Copies the bytes. Throws Error when all constants together exceed the limits of container.h. Takes
    // about 20 ms for a kernel and an initrd of 14 MiB.
    void add(const std::string& name, std::span<const std::byte> bytes);

    // Where all of `written` is in bytes(), if it is. Hashes 4 KiB, and compares the rest if that hash is
    // known. May be called from several threads once nothing more is added.
    std::optional<uint64_t> find(std::span<const std::byte> written) const;

    const std::vector<Constant>& constants() const { return constants_; }
    std::span<const std::byte> bytes() const { return bytes_; }

  private:
    std::vector<Constant> constants_;
    Bytes bytes_;
    // From the hash of `least_write` bytes to the first place where they are in bytes_.
    std::unordered_map<uint64_t, uint64_t> places_;
};

}  // namespace panda::recording
