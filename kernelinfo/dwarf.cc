#include "kernelinfo/dwarf.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <libelf.h>

#include <string>
#include <unordered_map>

#include "common/error.h"

namespace panda::kernelinfo {
namespace {

// The deepest nesting, and the most members that are looked at for one path: these end types that nest
// without end.
constexpr unsigned max_depth = 64;
constexpr unsigned max_members = 10'000;

struct EndDwarf {
    void operator()(Dwarf* dwarf) const { dwarf_end(dwarf); }
};
struct EndElf {
    void operator()(Elf* elf) const { elf_end(elf); }
};

bool has_members(Dwarf_Die& die) {
    const int tag = dwarf_tag(&die);
    return tag == DW_TAG_structure_type || tag == DW_TAG_union_type;
}

// The type of a member or typedef, without typedefs and qualifiers. Returns false if it has none.
bool type_of(Dwarf_Die& die, Dwarf_Die& type) {
    Dwarf_Attribute attribute;
    Dwarf_Die raw;
    return dwarf_attr_integrate(&die, DW_AT_type, &attribute) != nullptr &&
           dwarf_formref_die(&attribute, &raw) != nullptr && dwarf_peel_type(&raw, &type) == 0;
}

uint64_t number(Dwarf_Die& die, unsigned name) {
    Dwarf_Attribute attribute;
    Dwarf_Word value = 0;
    if (dwarf_attr(&die, name, &attribute) != nullptr)
        dwarf_formudata(&attribute, &value);
    return value;
}

uint64_t size_of(Dwarf_Die& type) {
    Dwarf_Word size = 0;
    return dwarf_aggregate_size(&type, &size) == 0 ? size : 0;
}

// A member's place. Bit fields have a place in bits (DWARF 4 and 5), others in bytes.
uint64_t place_of(Dwarf_Die& member) {
    if (dwarf_hasattr(&member, DW_AT_data_bit_offset) != 0)
        return number(member, DW_AT_data_bit_offset) / 8;
    return number(member, DW_AT_data_member_location);
}

std::optional<Member> find_member(Dwarf_Die& type, std::string_view path, unsigned depth, unsigned& budget) {
    Dwarf_Die child;
    if (depth > max_depth)
        return std::nullopt;
    if (dwarf_tag(&type) == DW_TAG_array_type) {
        Dwarf_Die element;
        return type_of(type, element) ? find_member(element, path, depth + 1, budget) : std::nullopt;
    }
    if (!has_members(type) || dwarf_child(&type, &child) != 0)
        return std::nullopt;
    const size_t dot = path.find('.');
    do {
        Dwarf_Die member_type;
        if (budget == 0)
            break;
        --budget;
        if (dwarf_tag(&child) != DW_TAG_member || !type_of(child, member_type))
            continue;
        const char* name = dwarf_diename(&child);
        std::optional<Member> found;
        if (name == nullptr)
            found = find_member(member_type, path, depth + 1, budget);
        else if (path.substr(0, dot) == name && dot == std::string_view::npos)
            return Member{place_of(child), size_of(member_type)};
        else if (path.substr(0, dot) == name)
            found = find_member(member_type, path.substr(dot + 1), depth + 1, budget);
        if (found)
            return Member{place_of(child) + found->offset, found->size};
    } while (dwarf_siblingof(&child, &child) == 0);
    return std::nullopt;
}

}  // namespace

struct DwarfTypes::State {
    std::unique_ptr<Elf, EndElf> elf;
    std::unique_ptr<Dwarf, EndDwarf> dwarf;
    std::unordered_map<std::string, Dwarf_Off> structs;

    void list_structs();
    bool find(std::string_view name, Dwarf_Die& die) const {
        const auto found = structs.find(std::string(name));
        return found != structs.end() && dwarf_offdie(dwarf.get(), found->second, &die) != nullptr;
    }
};

void DwarfTypes::State::list_structs() {
    Dwarf_CU* unit = nullptr;
    Dwarf_Die top;
    while (dwarf_get_units(dwarf.get(), unit, &unit, nullptr, nullptr, &top, nullptr) == 0) {
        Dwarf_Die child;
        if (dwarf_child(&top, &child) != 0)
            continue;
        do {
            if (!has_members(child) || dwarf_hasattr(&child, DW_AT_declaration) != 0)
                continue;
            if (const char* name = dwarf_diename(&child))
                structs.emplace(name, dwarf_dieoffset(&child));
        } while (dwarf_siblingof(&child, &child) == 0);
    }
}

DwarfTypes::DwarfTypes(std::span<const std::byte> elf) : state_(std::make_unique<State>()) {
    elf_version(EV_CURRENT);
    // libelf takes a mutable pointer, but writes only when it is asked to decompress in place, which libdw
    // does not do.
    auto* image = const_cast<char*>(reinterpret_cast<const char*>(elf.data()));
    state_->elf.reset(elf_memory(image, elf.size()));
    if (state_->elf)
        state_->dwarf.reset(dwarf_begin_elf(state_->elf.get(), DWARF_C_READ, nullptr));
    if (!state_->dwarf)
        throw Error("has neither BTF nor DWARF type information");
    state_->list_structs();
}

DwarfTypes::~DwarfTypes() = default;

std::optional<uint64_t> DwarfTypes::struct_size(std::string_view name) const {
    Dwarf_Die die;
    if (!state_->find(name, die))
        return std::nullopt;
    return number(die, DW_AT_byte_size);
}

std::optional<Member> DwarfTypes::member(std::string_view name, std::string_view path) const {
    Dwarf_Die die;
    unsigned budget = max_members;
    return state_->find(name, die) ? find_member(die, path, 0, budget) : std::nullopt;
}

}  // namespace panda::kernelinfo
