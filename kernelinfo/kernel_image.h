// A Linux kernel as an ELF file in memory, out of whatever it comes in: vmlinux, bzImage (vmlinuz), or a
// Debian package of either.
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
    // Reads the file. Throws FileError when it is none of the above, is damaged, or is larger than 2 GiB
    // unpacked.
    static KernelImage open(const std::string& path);

    // Takes the ELF file's bytes or those of a bzImage; `name` stands for it in errors. Throws FileError.
    KernelImage(Bytes file, std::string name);

    // The content of the ELF section, as it is in the file; empty when there is none. Valid while this lives.
    std::span<const std::byte> section(std::string_view name) const;

    // `size` bytes at a link-time virtual address; nothing when no loaded segment's file content covers them.
    std::optional<std::span<const std::byte>> read(uint64_t address, uint64_t size) const;

    // The symbols of .symtab; empty when the file is stripped, as what a bzImage holds always is.
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

// True when the bytes begin as a bzImage of boot protocol 2.08 or newer does.
bool is_bzimage(std::span<const std::byte> image);

}  // namespace panda::kernelinfo
