#include "kernelinfo/btf.h"

#include <algorithm>
#include <cstring>

namespace panda::kernelinfo {
namespace {

// include/uapi/linux/btf.h
constexpr uint16_t btf_magic = 0xeb9f;
constexpr uint32_t max_types = 0xfffff;
enum Kind : uint32_t {
    kind_int = 1,
    kind_ptr = 2,
    kind_array = 3,
    kind_struct = 4,
    kind_union = 5,
    kind_enum = 6,
    kind_fwd = 7,
    kind_typedef = 8,
    kind_volatile = 9,
    kind_const = 10,
    kind_restrict = 11,
    kind_func = 12,
    kind_func_proto = 13,
    kind_var = 14,
    kind_datasec = 15,
    kind_float = 16,
    kind_decl_tag = 17,
    kind_type_tag = 18,
    kind_enum64 = 19,
};

constexpr uint32_t record_size = 12;
constexpr uint32_t member_size = 12;
// Chains and nestings are never this deep in kernels (the deepest is below 10), so this ends a cycle.
constexpr unsigned max_depth = 64;
// The largest structs have a few hundred members, anonymous ones included.
constexpr unsigned max_members = 10'000;

uint32_t kind_of(uint32_t info) {
    return (info >> 24) & 0x1f;
}
uint32_t length_of(uint32_t info) {
    return info & 0xffff;
}
bool has_members(uint32_t info) {
    return kind_of(info) == kind_struct || kind_of(info) == kind_union;
}

// How many bytes follow a record of this kind.
uint64_t extra_size(uint32_t info, uint64_t offset) {
    const uint64_t count = length_of(info);
    switch (kind_of(info)) {
        case kind_int:
        case kind_var:
        case kind_decl_tag:
            return 4;
        case kind_array:
            return 12;
        case kind_struct:
        case kind_union:
            return count * member_size;
        case kind_enum:
        case kind_func_proto:
            return count * 8;
        case kind_datasec:
        case kind_enum64:
            return count * 12;
        case kind_ptr:
        case kind_fwd:
        case kind_typedef:
        case kind_volatile:
        case kind_const:
        case kind_restrict:
        case kind_func:
        case kind_float:
        case kind_type_tag:
            return 0;
        default:
            throw Error("BTF: type kind " + std::to_string(kind_of(info)) + " at offset " +
                        std::to_string(offset) + " is unknown");
    }
}

}  // namespace

BtfTypes::BtfTypes(std::span<const std::byte> section) {
    ByteReader reader(section);
    if (section.size() < 24 || reader.get<uint16_t>() != btf_magic)
        throw Error("BTF: there is no BTF header");
    const auto version = reader.get<uint8_t>();
    if (version != 1)
        throw Error("BTF: version " + std::to_string(version) + " is unknown");
    reader.get<uint8_t>();  // flags: none defined
    const uint64_t header = reader.get<uint32_t>();
    const uint64_t type_offset = reader.get<uint32_t>();
    const uint64_t type_length = reader.get<uint32_t>();
    const uint64_t string_offset = reader.get<uint32_t>();
    const uint64_t string_length = reader.get<uint32_t>();
    const uint64_t end = header + std::max(type_offset + type_length, string_offset + string_length);
    if (header < 24 || end > section.size())
        throw Error("BTF: the header points beyond the data");
    data_.assign(section.begin(), section.begin() + static_cast<ptrdiff_t>(end));
    types_section_ = std::span(data_).subspan(header + type_offset, type_length);
    strings_ = std::span(data_).subspan(header + string_offset, string_length);
    if (strings_.empty() || strings_.back() != std::byte{0})
        throw Error("BTF: the strings do not end");
    index_types();
}

void BtfTypes::index_types() {
    types_.emplace_back();  // id 0 is void
    ByteReader reader(types_section_);
    while (!reader.at_end()) {
        const uint64_t offset = reader.position();
        if (types_.size() > max_types)
            throw Error("BTF: more than " + std::to_string(max_types) + " types");
        if (reader.remaining() < record_size)
            throw Error("BTF: the types end early at offset " + std::to_string(offset));
        Type type;
        type.name = reader.get<uint32_t>();
        type.info = reader.get<uint32_t>();
        type.size_or_type = reader.get<uint32_t>();
        type.extra = static_cast<uint32_t>(reader.position());
        const uint64_t extra = extra_size(type.info, offset);
        if (type.name >= strings_.size() || extra > reader.remaining())
            throw Error("BTF: the type at offset " + std::to_string(offset) + " points beyond the data");
        reader.take(extra);
        const auto id = static_cast<uint32_t>(types_.size());
        types_.push_back(type);
        const std::string_view name = string_at(type.name);
        // Some names occur twice (a struct that is private to each of two files). The first one is the one
        // from the more widely used header.
        if (has_members(type.info) && !name.empty())
            structs_.emplace(name, id);
    }
}

std::string_view BtfTypes::string_at(uint32_t offset) const {
    if (offset >= strings_.size())
        return {};
    return reinterpret_cast<const char*>(strings_.data() + offset);  // the last byte is 0
}

uint32_t BtfTypes::word_at(uint32_t offset) const {
    uint32_t word;
    std::memcpy(&word, types_section_.data() + offset, sizeof word);
    return word;
}

uint32_t BtfTypes::resolve(uint32_t id) const {
    for (unsigned step = 0; step < max_depth && id < types_.size(); ++step) {
        switch (kind_of(types_[id].info)) {
            case kind_typedef:
            case kind_volatile:
            case kind_const:
            case kind_restrict:
            case kind_type_tag:
                id = types_[id].size_or_type;
                break;
            default:
                return id;
        }
    }
    return 0;
}

uint64_t BtfTypes::size_of(uint32_t id) const {
    uint64_t count = 1;
    for (unsigned step = 0; step < max_depth; ++step) {
        const Type& type = types_[id = resolve(id)];
        switch (kind_of(type.info)) {
            case kind_int:
            case kind_struct:
            case kind_union:
            case kind_enum:
            case kind_enum64:
            case kind_float:
                return count * type.size_or_type;
            case kind_array:  // element type, index type, number of elements
                count *= word_at(type.extra + 8);
                id = word_at(type.extra);
                break;
            default:
                return 0;  // pointers: BTF does not say how wide they are
        }
    }
    return 0;
}

std::optional<uint64_t> BtfTypes::struct_size(std::string_view name) const {
    const auto found = structs_.find(name);
    if (found == structs_.end())
        return std::nullopt;
    return types_[found->second].size_or_type;
}

std::optional<Member> BtfTypes::member(std::string_view name, std::string_view path) const {
    const auto found = structs_.find(name);
    if (found == structs_.end())
        return std::nullopt;
    unsigned budget = max_members;
    return find_member(found->second, path, 0, budget);
}

std::optional<Member> BtfTypes::find_member(uint32_t id, std::string_view path, unsigned depth,
                                            unsigned& budget) const {
    const Type& type = types_[resolve(id)];
    if (depth > max_depth)
        return std::nullopt;
    if (kind_of(type.info) == kind_array)  // a path goes through the first element of an array
        return find_member(word_at(type.extra), path, depth + 1, budget);
    if (!has_members(type.info))
        return std::nullopt;
    const size_t dot = path.find('.');
    const std::string_view first = path.substr(0, dot);
    for (uint32_t i = 0; i < length_of(type.info) && budget > 0; ++i) {
        --budget;
        // struct btf_member: name, type, offset in bits (low 24 bits of it when the kind flag is set).
        const uint32_t record = type.extra + i * member_size;
        const std::string_view member_name = string_at(word_at(record));
        const uint32_t member_type = word_at(record + 4);
        const uint32_t bits = word_at(record + 8) & ((type.info >> 31) != 0 ? 0xffffff : 0xffffffff);
        const uint64_t offset = bits / 8;
        std::optional<Member> found;
        if (member_name.empty()) {
            found = find_member(member_type, path, depth + 1, budget);
        } else if (member_name == first) {
            if (dot == std::string_view::npos)
                return Member{offset, size_of(member_type)};
            found = find_member(member_type, path.substr(dot + 1), depth + 1, budget);
        }
        if (found)
            return Member{offset + found->offset, found->size};
    }
    return std::nullopt;
}

}  // namespace panda::kernelinfo
