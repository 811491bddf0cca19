// Small kernels to test with: BTF, kallsyms tables, ELF files and bzImages made by hand.
#pragma once

#include <elf.h>

#include <array>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/bytes.h"

namespace panda::kernelinfo::test {

inline std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

// Writes a .BTF section, type by type. Each add_… returns the new type's id.
class BtfBuilder {
  public:
    struct Field {
        std::string name;
        uint32_t type;
        uint32_t bit_offset;
    };

    BtfBuilder() { strings_.push_back('\0'); }
    uint32_t add_int(const std::string& name, uint32_t size) {
        begin(name, 1, 0, size);
        types_.put<uint32_t>(size * 8);
        return next_++;
    }
    uint32_t add_pointer(uint32_t to) { return simple("", 2, to); }
    uint32_t add_typedef(const std::string& name, uint32_t to) { return simple(name, 8, to); }
    uint32_t add_const(uint32_t of) { return simple("", 10, of); }
    uint32_t add_array(uint32_t element, uint32_t count) {
        begin("", 3, 0, 0);
        types_.put(element);
        types_.put(element);
        types_.put(count);
        return next_++;
    }
    uint32_t add_struct(const std::string& name, uint32_t size, const std::vector<Field>& fields,
                        bool is_union = false) {
        begin(name, is_union ? 5 : 4, static_cast<uint32_t>(fields.size()), size);
        for (const Field& field : fields) {
            types_.put(string(field.name));
            types_.put(field.type);
            types_.put(field.bit_offset);
        }
        return next_++;
    }
    Bytes build() const {
        ByteWriter out;
        out.put<uint16_t>(0xeb9f);
        out.put<uint8_t>(1);
        out.put<uint8_t>(0);
        out.put<uint32_t>(24);
        out.put<uint32_t>(0);
        out.put(static_cast<uint32_t>(types_.size()));
        out.put(static_cast<uint32_t>(types_.size()));
        out.put(static_cast<uint32_t>(strings_.size()));
        out.put_bytes(types_.bytes());
        out.put_bytes(bytes_of(strings_));
        return out.take();
    }

  private:
    uint32_t string(const std::string& text) {
        if (text.empty())
            return 0;
        const auto offset = static_cast<uint32_t>(strings_.size());
        strings_ += text;
        strings_.push_back('\0');
        return offset;
    }
    void begin(const std::string& name, uint32_t kind, uint32_t count, uint32_t size_or_type) {
        types_.put(string(name));
        types_.put(kind << 24 | count);
        types_.put(size_or_type);
    }
    uint32_t simple(const std::string& name, uint32_t kind, uint32_t to) {
        begin(name, kind, 0, to);
        return next_++;
    }

    ByteWriter types_;
    std::string strings_;
    uint32_t next_ = 1;
};

enum class KallsymsOrder { before_6_4, since_6_4, since_7_0 };

struct Symbol {
    std::string name;  // the first character is the type
    uint64_t address;
};

// A read-only data section with kallsyms tables in it, as scripts/kallsyms.c lays them out. symbols: sorted
// by address. With absolute_percpu, addresses below relative_base are per-CPU addresses. since_7_0:
// relative_base is the section's address.
inline Bytes build_kallsyms(const std::vector<Symbol>& symbols, uint64_t relative_base, KallsymsOrder order,
                            bool absolute_percpu, unsigned pointer_size = 8) {
    ByteWriter out;
    const auto align = [&] {
        while (out.size() % (order == KallsymsOrder::since_7_0 ? 4 : pointer_size) != 0)
            out.put<uint8_t>(0);
    };
    const auto put_pointer = [&](uint64_t value) {
        if (pointer_size == 8)
            out.put(value);
        else
            out.put(static_cast<uint32_t>(value));
    };
    std::array<std::string, 256> tokens;
    for (unsigned i = 0; i < 256; ++i)
        tokens[i] = i > ' ' && i < 127 ? std::string(1, static_cast<char>(i)) : "~" + std::to_string(i);
    tokens[1] = "init_";
    const auto compress = [&](std::string text) {
        if (const size_t at = text.find("init_"); at != std::string::npos)
            text.replace(at, 5, "\1");
        return text;
    };
    const auto put_offsets = [&] {
        align();
        for (const Symbol& symbol : symbols) {
            if (order == KallsymsOrder::since_7_0)
                out.put(static_cast<uint32_t>(symbol.address - relative_base - out.size()));
            else if (!absolute_percpu)
                out.put(static_cast<uint32_t>(symbol.address - relative_base));
            else if (symbol.address < relative_base)
                out.put(static_cast<int32_t>(symbol.address));
            else
                out.put(static_cast<int32_t>(relative_base - 1 - symbol.address));
        }
        align();
        if (order != KallsymsOrder::since_7_0)
            put_pointer(relative_base);
    };
    const auto put_names = [&] {
        align();
        out.put(static_cast<uint32_t>(symbols.size()));
        align();
        const size_t start = out.size();
        std::vector<uint32_t> markers;
        for (size_t i = 0; i < symbols.size(); ++i) {
            if (i % 256 == 0)
                markers.push_back(static_cast<uint32_t>(out.size() - start));
            const std::string text = compress(symbols[i].name);
            if (text.size() >= 128) {
                out.put(static_cast<uint8_t>(0x80 | (text.size() & 0x7f)));
                out.put(static_cast<uint8_t>(text.size() >> 7));
            } else {
                out.put(static_cast<uint8_t>(text.size()));
            }
            out.put_bytes(bytes_of(text));
        }
        align();
        for (const uint32_t marker : markers)
            out.put(marker);
    };
    const auto put_tokens = [&] {
        align();
        const size_t start = out.size();
        std::array<uint16_t, 256> index;
        for (unsigned i = 0; i < 256; ++i) {
            index[i] = static_cast<uint16_t>(out.size() - start);
            out.put_bytes(bytes_of(tokens[i] + '\0'));
        }
        align();
        out.put(index);
    };
    for (unsigned i = 0; i < 1000; ++i)  // what else a kernel has in its read-only data
        out.put<uint32_t>(i * 2654435761u);
    if (order == KallsymsOrder::before_6_4) {
        put_offsets();
        put_names();
        put_tokens();
    } else {
        put_names();
        put_tokens();
        put_offsets();
    }
    for (unsigned i = 0; i < 1000; ++i)
        out.put<uint32_t>(i * 2246822519u);
    return out.take();
}

struct ElfSection {
    std::string name;
    Bytes content;
    uint64_t address = 0;  // 0: not loaded
};

// A 64-bit ELF file with these sections, and a loaded segment for each that has an address.
inline Bytes build_elf(const std::vector<ElfSection>& sections) {
    std::string names(1, '\0');
    std::vector<Elf64_Shdr> headers(1);
    std::vector<Elf64_Phdr> segments;
    ByteWriter body;
    size_t loaded = 0;
    for (const ElfSection& section : sections)
        loaded += section.address != 0 ? 1 : 0;
    const uint64_t start = sizeof(Elf64_Ehdr) + loaded * sizeof(Elf64_Phdr);
    const auto add = [&](const std::string& name, const Bytes& content, uint64_t address) {
        Elf64_Shdr header{};
        header.sh_name = static_cast<uint32_t>(names.size());
        names += name + '\0';
        header.sh_type = SHT_PROGBITS;
        header.sh_addr = address;
        header.sh_offset = start + body.size();
        header.sh_size = content.size();
        headers.push_back(header);
        if (address != 0) {
            Elf64_Phdr segment{};
            segment.p_type = PT_LOAD;
            segment.p_vaddr = address;
            segment.p_offset = header.sh_offset;
            segment.p_filesz = segment.p_memsz = content.size();
            segments.push_back(segment);
        }
        body.put_bytes(content);
    };
    for (const ElfSection& section : sections)
        add(section.name, section.content, section.address);
    const std::string all_names = names + ".shstrtab" + '\0';
    const auto name_bytes = bytes_of(all_names);
    add(".shstrtab", Bytes(name_bytes.begin(), name_bytes.end()), 0);

    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_machine = EM_X86_64;
    header.e_phoff = sizeof header;
    header.e_phnum = static_cast<uint16_t>(segments.size());
    header.e_shoff = start + body.size();
    header.e_shnum = static_cast<uint16_t>(headers.size());
    header.e_shstrndx = static_cast<uint16_t>(headers.size() - 1);
    ByteWriter out;
    out.put(header);
    for (const Elf64_Phdr& segment : segments)
        out.put(segment);
    out.put_bytes(body.bytes());
    for (const Elf64_Shdr& section : headers)
        out.put(section);
    return out.take();
}

// A bzImage whose payload is `payload`, as it is, with nothing else in it.
inline Bytes build_bzimage(std::span<const std::byte> payload) {
    Bytes image(1024 + payload.size());  // boot sector, one setup sector, protected-mode code
    const auto put = [&](size_t offset, auto value) {
        std::memcpy(image.data() + offset, &value, sizeof value);
    };
    put(0x1f1, uint8_t{1});
    std::memcpy(image.data() + 0x202, "HdrS", 4);
    put(0x206, uint16_t{0x20f});
    put(0x248, uint32_t{0});
    put(0x24c, static_cast<uint32_t>(payload.size()));
    std::memcpy(image.data() + 1024, payload.data(), payload.size());
    return image;
}

}  // namespace panda::kernelinfo::test
