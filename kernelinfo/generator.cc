#include "kernelinfo/generator.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <vector>

#include "common/error.h"
#include "kernelinfo/btf.h"
#include "kernelinfo/dwarf.h"
#include "kernelinfo/kallsyms.h"
#include "kernelinfo/keys.h"

namespace panda::kernelinfo {
namespace {

constexpr size_t max_banner = 512;

std::optional<int64_t> offset_of(const TypeSource& types, const char* type, const char* path) {
    const auto member = types.member(type, path);
    return member ? std::optional(static_cast<int64_t>(member->offset)) : std::nullopt;
}

std::optional<int64_t> evaluate(const Origin& origin, const TypeSource& types, const SymbolTable& symbols) {
    const auto as_signed = [](std::optional<uint64_t> value) -> std::optional<int64_t> {
        return value ? std::optional(static_cast<int64_t>(*value)) : std::nullopt;
    };
    switch (origin.kind) {
        case Origin::Kind::none:
            return std::nullopt;
        case Origin::Kind::symbol:
            return as_signed(symbols.find(origin.a));
        case Origin::Kind::function:
            return as_signed(symbols.find_function(origin.a));
        case Origin::Kind::symbol_member: {
            const auto base = symbols.find(origin.a);
            const auto offset = offset_of(types, origin.b, origin.c);
            return base && offset ? std::optional(static_cast<int64_t>(*base) + *offset) : std::nullopt;
        }
        case Origin::Kind::struct_size:
            return as_signed(types.struct_size(origin.a));
        case Origin::Kind::member:
            return offset_of(types, origin.a, origin.b);
        case Origin::Kind::member_size: {
            const auto member = types.member(origin.a, origin.b);
            return member ? std::optional(static_cast<int64_t>(member->size)) : std::nullopt;
        }
        case Origin::Kind::member_distance: {
            const auto from = offset_of(types, origin.a, origin.b);
            const auto to = offset_of(types, origin.a, origin.c);
            return from && to ? std::optional(*to - *from) : std::nullopt;
        }
        case Origin::Kind::constant_zero:
            return 0;
    }
    return std::nullopt;
}

// The numbers in "6.1.192-2", as many as there are.
std::vector<int64_t> numbers_of(std::string_view text) {
    std::vector<int64_t> numbers;
    while (!text.empty()) {
        int64_t number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error != std::errc() || number < 0)
            break;
        numbers.push_back(number);
        text.remove_prefix(static_cast<size_t>(end - text.data()));
        if (text.empty() || text[0] != '.')
            break;
        text.remove_prefix(1);
    }
    return numbers;
}

void set_version(KernelInfo& info, const Banner& banner) {
    auto numbers = numbers_of(banner.release);
    // Debian's releases look like 6.1.0-56; the real number is in the version.
    if (const size_t debian = banner.version.find("Debian "); debian != std::string::npos) {
        const auto real = numbers_of(std::string_view(banner.version).substr(debian + 7));
        if (real.size() >= 2)
            numbers = real;
    }
    numbers.resize(3);
    info.version_a = numbers[0];
    info.version_b = numbers[1];
    info.version_c = std::min<int64_t>(numbers[2], 255);  // as LINUX_VERSION_CODE does since 5.10
}

std::string group_name(const Banner& banner, unsigned pointer_size) {
    std::string vendor = "linux";
    for (const char* name : {"Debian", "Ubuntu"})
        if (banner.version.find(name) != std::string::npos)
            vendor = name;
    std::transform(vendor.begin(), vendor.end(), vendor.begin(), ::tolower);
    return vendor + ":" + banner.release + ":" + std::to_string(pointer_size * 8);
}

SymbolTable symbols_of(const KernelImage& image, const SymbolTable& system_map) {
    if (system_map.size() > 0)
        return system_map;
    SymbolTable symbols = image.elf_symbols();
    if (symbols.size() > 0)
        return symbols;
    std::string reason = "the image has no loaded segment";
    for (const auto& segment : image.segments()) {
        try {
            return find_kallsyms(segment.content, segment.address, image.pointer_size());
        } catch (const Error& error) {
            reason = error.what();
        }
    }
    throw Error("no symbols: " + reason + " (a System.map can be given with --system-map)");
}

std::unique_ptr<TypeSource> types_of(const KernelImage& image) {
    const auto btf = image.section(".BTF");
    if (!btf.empty())
        return std::make_unique<BtfTypes>(btf);
    return std::make_unique<DwarfTypes>(image.elf());
}

Banner banner_of(const KernelImage& image, const SymbolTable& symbols) {
    const auto address = symbols.find("linux_banner");
    if (!address)
        throw Error("symbol linux_banner is missing");
    for (size_t size = max_banner; size >= 32; size /= 2)
        if (const auto bytes = image.read(*address, size))
            return parse_banner(std::string_view(reinterpret_cast<const char*>(bytes->data()), size));
    throw Error("linux_banner lies outside the image: the symbols belong to another kernel");
}

}  // namespace

Banner parse_banner(std::string_view text) {
    constexpr std::string_view start = "Linux version ";
    text = text.substr(0, std::min(text.find('\0'), max_banner));
    text = text.substr(0, text.find('\n'));
    // "#1", "#121-Ubuntu". A kernel also holds the banner from when it was first linked, with a bare "#".
    const size_t version = text.find(" #");
    if (text.substr(0, start.size()) != start || version == std::string_view::npos ||
        text.size() < version + 3 || text[version + 2] < '0' || text[version + 2] > '9')
        throw Error("no kernel banner (\"Linux version ...\")");
    for (const char letter : text)
        if (letter < ' ' || letter > '~')
            throw Error("the kernel banner is not plain text");
    text.remove_prefix(start.size());
    return {std::string(text.substr(0, text.find(' '))),
            std::string(text.substr(version - start.size() + 1))};
}

KernelInfo make_kernel_info(const TypeSource& types, const SymbolTable& symbols, const Banner& banner,
                            unsigned pointer_size) {
    KernelInfo info;
    info.source = "the kernel's own types and symbols";
    info.group = group_name(banner, pointer_size);
    info.name = banner.release + "|" + banner.version + "|" + (pointer_size == 8 ? "x86_64" : "i686");
    set_version(info, banner);
    for (const Key& key : keys()) {
        for (const Origin& origin : key.origins) {
            const auto value = evaluate(origin, types, symbols);
            if (!value)
                continue;
            if (const auto* address = std::get_if<Address KernelInfo::*>(&key.field))
                info.** address = static_cast<uint64_t>(*value);
            else
                info.*std::get<Offset KernelInfo::*>(key.field) = *value;
            break;
        }
    }
    info.need(&KernelInfo::task_init_addr);
    info.need(&KernelInfo::task_tasks_offset);
    info.need(&KernelInfo::task_comm_offset);
    info.need(&KernelInfo::mm_pgd_offset);
    return info;
}

KernelInfo make_kernel_info(const KernelImage& image, const SymbolTable& system_map) {
    try {
        const SymbolTable symbols = symbols_of(image, system_map);
        const auto types = types_of(image);
        return make_kernel_info(*types, symbols, banner_of(image, symbols), image.pointer_size());
    } catch (const Error& error) {
        throw FileError(image.name(), error.what());
    }
}

}  // namespace panda::kernelinfo
