// A Linux kernel as an ELF file in memory, unpacked from what it comes in: vmlinux, a bzImage (vmlinuz), or a
// Debian package with either.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/bytes.h"
#include "kernelinfo/symbols.h"

namespace panda::kernelinfo {

class KernelImage {
  public:
    // Reads the file. Throws FileError when its format is not one of the above, when it is damaged, or when
    // it is larger than 2 GiB unpacked.
    static KernelImage open(const std::string& path);

    // Takes the bytes of an ELF file or of a bzImage; `name` stands for it in errors. Throws FileError.
    KernelImage(Bytes file, std::string name);

    // The content of the ELF section, as it is in the file; empty if there is no such section. Valid while
    // this lives.
    std::span<const std::byte> section(std::string_view name) const;

    // `size` bytes at a link-time virtual address; nothing if no loaded segment's file content covers them.
    std::optional<std::span<const std::byte>> read(uint64_t address, uint64_t size) const;

    // The symbols of .symtab; empty if the file is stripped, as the kernel in a bzImage always is.
    SymbolTable elf_symbols() const;

    // The loaded segments' file contents.
    struct Segment {
        uint64_t address;  // virtual, link time
        std::span<const std::byte> content;
    };
    const std::vector<Segment>& segments() const { return segments_; }

    std::span<const std::byte> elf() const { return file_; }
    unsigned pointer_size() const { return pointer_size_; }  // bytes: 4 or 8
    const std::string& name() const { return name_; }

  private:
    struct Section {
        std::string_view name;
        uint32_t type;
        uint32_t link;
        std::span<const std::byte> content;
    };

    template <typename Header, typename SectionHeader, typename ProgramHeader>
    void read_headers();
    template <typename Symbol>
    void add_symbols(const Section& table, SymbolTable& symbols) const;
    std::span<const std::byte> slice(uint64_t offset, uint64_t size) const;

    Bytes file_;
    std::string name_;
    unsigned pointer_size_ = 0;
    std::vector<Section> sections_;
    std::vector<Segment> segments_;
};

// The ELF file inside a bzImage (Documentation/arch/x86/boot.rst, "payload_offset"). Throws Error.
Bytes unpack_bzimage(std::span<const std::byte> image);

// Whether the bytes start as a bzImage of boot protocol 2.08 or newer does.
bool is_bzimage(std::span<const std::byte> image);

}  // namespace panda::kernelinfo
