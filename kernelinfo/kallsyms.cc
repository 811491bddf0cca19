#include "kernelinfo/kallsyms.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/bytes.h"
#include "common/error.h"

namespace panda::kernelinfo {
namespace {

using Span = std::span<const std::byte>;

// Distribution kernels have 100,000 to 250,000 symbols.
constexpr uint32_t min_symbols = 64;
constexpr uint32_t max_symbols = 4'000'000;
constexpr size_t max_name = 1024;  // KSYM_NAME_LEN is 512
// How many names the search for the first one may look at before it gives up on a hostile image.
constexpr uint64_t search_budget = 64'000'000;

template <typename T>
T load(Span image, size_t offset) {
    T value;
    std::memcpy(&value, image.data() + offset, sizeof value);
    return value;
}

struct Tokens {
    size_t table = 0;      // offset of token_table
    size_t index_end = 0;  // offset of the byte after token_index
    std::array<std::string_view, 256> text;
};

struct Names {
    size_t count_offset = 0;  // offset of num_syms
    uint32_t count = 0;
    size_t names = 0;  // offset of the first name
};

constexpr uint64_t page_bytes = 4096;

class Finder {
  public:
    Finder(Span image, uint64_t address, unsigned pointer_size)
        : image_(image), address_(address), pointer_size_(pointer_size), alignment_(pointer_size) {}
    std::vector<KallsymsEntry> find();

  private:
    std::optional<Tokens> tokens_at(size_t zero_token) const;
    bool read_index(Tokens& tokens, size_t text_end) const;
    // Sets alignment_ to the alignment of the tables.
    std::optional<Names> find_names(const Tokens& tokens);
    std::optional<Names> find_aligned_names(const Tokens& tokens);
    // The place of the name after the one at `offset`; nothing if there is no name at `offset`.
    std::optional<size_t> next_name(const Tokens& tokens, size_t offset, size_t end) const;
    bool is_count(const Tokens& tokens, Names& names);
    bool is_type(char type) const { return std::strchr("abcdgnrstuvwABCDGNRSTUVW?", type) && type != 0; }
    // The type and the name of the symbol whose name is at `offset`.
    std::string expand(const Tokens& tokens, size_t offset) const;
    using Addresses = std::vector<uint64_t>;
    std::optional<Addresses> find_addresses(const Tokens& tokens, const Names& names) const;
    std::optional<Addresses> addresses_by_base(size_t offsets, size_t base_offset, uint32_t count) const;
    std::optional<Addresses> addresses_by_place(size_t offsets, uint32_t count) const;
    bool are_plausible(const Tokens& tokens, const Names& names, const Addresses& addresses) const;
    size_t align(size_t offset) const { return (offset + alignment_ - 1) / alignment_ * alignment_; }
    uint64_t wrap(uint64_t address) const { return pointer_size_ == 8 ? address : address & 0xffffffff; }

    Span image_;
    uint64_t address_;
    unsigned pointer_size_;
    unsigned alignment_;
    uint64_t budget_ = search_budget;
};

// Digits occur in symbols, so the tokens '0' to '9' expand to themselves and are side by side in the table.
constexpr std::string_view digits("0\0001\0002\0003\0004\0005\0006\0007\0008\0009", 20);

std::vector<KallsymsEntry> Finder::find() {
    const std::string_view text(reinterpret_cast<const char*>(image_.data()), image_.size());
    for (size_t at = text.find(digits); at != std::string_view::npos; at = text.find(digits, at + 1)) {
        const auto tokens = tokens_at(at);
        if (!tokens)
            continue;
        const auto names = find_names(*tokens);
        if (!names)
            continue;
        const auto addresses_found = find_addresses(*tokens, *names);
        if (!addresses_found)
            throw Error("kallsyms: there are names, but no addresses that fit them");
        std::vector<KallsymsEntry> symbols;
        symbols.reserve(addresses_found->size());
        size_t offset = names->names;
        for (const uint64_t address : *addresses_found) {
            std::string name = expand(*tokens, offset);
            const char type = name[0];
            symbols.push_back({address, type, name.substr(1)});
            offset = *next_name(*tokens, offset, tokens->table);
        }
        return symbols;
    }
    throw Error("kallsyms: no symbol table");
}

std::optional<Tokens> Finder::tokens_at(size_t zero_token) const {
    // 48 tokens come before '0'. Walk back over their ends. The byte before the first token is padding or the
    // end of what comes before, and looks like a token's end; token_index decides.
    size_t start = zero_token;
    for (unsigned token = 0; token < '0'; ++token) {
        if (start < 2)
            return std::nullopt;
        --start;  // the final zero of the token before
        const size_t limit = start > max_name ? start - max_name : 0;
        while (start > limit && image_[start - 1] != std::byte{0})
            --start;
    }
    Tokens tokens;
    tokens.table = start;
    size_t offset = start;
    for (auto& text : tokens.text) {
        const auto* begin = reinterpret_cast<const char*>(image_.data() + offset);
        const size_t size = ::strnlen(begin, std::min(max_name, image_.size() - offset));
        if (offset + size >= image_.size() || size == max_name)
            return std::nullopt;
        text = std::string_view(begin, size);
        offset += size + 1;
    }
    if (!read_index(tokens, offset))
        return std::nullopt;
    return tokens;
}

bool Finder::read_index(Tokens& tokens, size_t text_end) const {
    // The index repeats what the table says, so it proves where the table starts.
    for (size_t offset = (text_end + 1) / 2 * 2; offset <= text_end + 16; offset += 2) {
        if (image_.size() < 512 || offset > image_.size() - 512)
            return false;
        bool fits = true;
        for (unsigned token = 0; token < 256 && fits; ++token) {
            const auto place = tokens.text[token].data() - tokens.text[0].data();
            fits = load<uint16_t>(image_, offset + 2 * token) == place;
        }
        if (fits) {
            tokens.index_end = offset + 512;
            return true;
        }
    }
    return false;
}

std::optional<size_t> Finder::next_name(const Tokens& tokens, size_t offset, size_t end) const {
    if (end - offset < 3 || offset >= end)
        return std::nullopt;
    size_t length = std::to_integer<size_t>(image_[offset++]);
    if ((length & 0x80) != 0)  // commit 73bbb94466fd, 6.1
        length = (length & 0x7f) | std::to_integer<size_t>(image_[offset++]) << 7;
    if (length == 0 || length > max_name || length > end - offset)
        return std::nullopt;
    const std::string_view first = tokens.text[std::to_integer<uint8_t>(image_[offset])];
    if (first.empty() || !is_type(first[0]))
        return std::nullopt;
    return offset + length;
}

std::optional<Names> Finder::find_names(const Tokens& tokens) {
    for (alignment_ = pointer_size_; alignment_ >= 4; alignment_ /= 2)
        if (const auto names = find_aligned_names(tokens))
            return names;
    return std::nullopt;
}

std::optional<Names> Finder::find_aligned_names(const Tokens& tokens) {
    // The count is aligned and right before the names, which end before the token table.
    for (size_t at = 0; at + alignment_ + 3 < tokens.table && budget_ > 0; at += alignment_) {
        Names names;
        names.count_offset = at;
        names.count = load<uint32_t>(image_, at);
        names.names = at + alignment_;
        if (names.count < min_symbols || names.count > max_symbols)
            continue;
        if (uint64_t{names.count} * 2 > tokens.table - names.names)
            continue;
        if (is_count(tokens, names))
            return names;
    }
    return std::nullopt;
}

bool Finder::is_count(const Tokens& tokens, Names& names) {
    std::vector<uint32_t> markers;
    size_t offset = names.names;
    for (uint32_t i = 0; i < names.count; ++i) {
        if (i % 256 == 0)
            markers.push_back(static_cast<uint32_t>(offset - names.names));
        const auto next = next_name(tokens, offset, tokens.table);
        if (!next || budget_ == 0)
            return false;
        --budget_;
        offset = *next;
    }
    // The markers follow, aligned, and repeat where every 256th name is.
    offset = align(offset);
    if (markers.size() * 4 > tokens.table || offset > tokens.table - markers.size() * 4)
        return false;
    return std::memcmp(image_.data() + offset, markers.data(), markers.size() * 4) == 0;
}

std::string Finder::expand(const Tokens& tokens, size_t offset) const {
    size_t length = std::to_integer<size_t>(image_[offset++]);
    if ((length & 0x80) != 0)
        length = (length & 0x7f) | std::to_integer<size_t>(image_[offset++]) << 7;
    std::string name;
    for (const std::byte token : image_.subspan(offset, length)) {
        name += tokens.text[std::to_integer<uint8_t>(token)];
        if (name.size() > max_name)
            throw Error("kallsyms: a symbol is longer than " + std::to_string(max_name) + " characters");
    }
    return name;
}

std::optional<Finder::Addresses> Finder::find_addresses(const Tokens& tokens, const Names& names) const {
    const uint64_t table = uint64_t{names.count} * 4;
    const size_t after = align(tokens.index_end);
    const auto plausible = [&](const std::optional<Addresses>& addresses) {
        return addresses && are_plausible(tokens, names, *addresses);
    };
    if (alignment_ == pointer_size_) {
        if (auto found = addresses_by_base(after, align(after + table), names.count); plausible(found))
            return found;
        const size_t base = names.count_offset - pointer_size_;
        if (names.count_offset >= align(table) + pointer_size_)
            if (auto found = addresses_by_base(base - align(table), base, names.count); plausible(found))
                return found;
    }
    if (auto found = addresses_by_place(after, names.count); plausible(found))
        return found;
    return std::nullopt;
}

// The text starts at a page.
bool Finder::are_plausible(const Tokens& tokens, const Names& names, const Addresses& addresses) const {
    if (!std::is_sorted(addresses.begin(), addresses.end()))
        return false;
    size_t offset = names.names;
    for (const uint64_t address : addresses) {
        if (expand(tokens, offset).substr(1) == "_text")
            return address % page_bytes == 0;
        offset = *next_name(tokens, offset, tokens.table);
    }
    return true;
}

std::optional<Finder::Addresses> Finder::addresses_by_base(size_t offsets, size_t base_offset,
                                                           uint32_t count) const {
    if (base_offset + pointer_size_ > image_.size() || base_offset < offsets)
        return std::nullopt;
    const uint64_t base =
        pointer_size_ == 8 ? load<uint64_t>(image_, base_offset) : load<uint32_t>(image_, base_offset);
    const bool kernel_half =
        (base >> (pointer_size_ * 8 - 1)) != 0 || (pointer_size_ == 4 && base >= 0x40000000);
    if (!kernel_half)
        return std::nullopt;
    bool absolute_percpu = false;
    for (uint32_t i = 0; i < count && !absolute_percpu; ++i)
        absolute_percpu = pointer_size_ == 8 && load<int32_t>(image_, offsets + 4 * size_t{i}) < 0;
    Addresses result(count);
    for (uint32_t i = 0; i < count; ++i) {
        const auto raw = load<uint32_t>(image_, offsets + 4 * size_t{i});
        const auto offset = static_cast<int32_t>(raw);
        if (!absolute_percpu)
            result[i] = wrap(base + raw);
        else
            result[i] = offset >= 0 ? static_cast<uint64_t>(offset) : base - 1 - static_cast<int64_t>(offset);
    }
    return result;
}

std::optional<Finder::Addresses> Finder::addresses_by_place(size_t offsets, uint32_t count) const {
    if (offsets > image_.size() || count > (image_.size() - offsets) / 4)
        return std::nullopt;
    Addresses result(count);
    for (uint32_t i = 0; i < count; ++i) {
        const size_t place = offsets + 4 * size_t{i};
        result[i] = wrap(address_ + place + static_cast<int64_t>(load<int32_t>(image_, place)));
    }
    return result;
}

}  // namespace

std::vector<KallsymsEntry> list_kallsyms(std::span<const std::byte> image, uint64_t address,
                                         unsigned pointer_size) {
    return Finder(image, address, pointer_size).find();
}

SymbolTable find_kallsyms(std::span<const std::byte> image, uint64_t address, unsigned pointer_size) {
    SymbolTable symbols;
    for (KallsymsEntry& entry : list_kallsyms(image, address, pointer_size))
        symbols.add(std::move(entry.name), entry.address);
    return symbols;
}

}  // namespace panda::kernelinfo
