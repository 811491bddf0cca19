// Finds many byte strings at once in streams of bytes (Aho and Corasick, CACM 18/6, 1975).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace panda::strings {

// A stream's state is one number, 0 at its beginning. Every occurrence is found, overlapping ones too.
class PatternSet {
  public:
    static constexpr size_t max_bytes = 1 << 16;  // of all strings together; a byte takes 1 KiB

    // strings: any bytes. Throws Error if the list or one of the strings is empty, or if they are too long together.
    explicit PatternSet(std::vector<std::string> strings);

    size_t size() const { return strings_.size(); }
    const std::string& operator[](size_t number) const { return strings_[number]; }

    // Whether one of a value's bytes is some string's first one. size: bytes; those above are 0.
    bool may_start(uint64_t value) const {
        unsigned found = 0;
        for (unsigned i = 0; i < 8; ++i, value >>= 8)
            found |= first_[value & 0xff];
        return found != 0;
    }
    // The state behind one more byte. Calls found(number) for each string that ends with it.
    template <typename Found>
    uint32_t next(uint32_t state, uint8_t byte, const Found& found) const {
        const uint32_t entry = table_[state & ~ends][byte];
        if ((entry & ends) != 0) [[unlikely]]
            for (uint32_t at = entry & ~ends; at != 0; at = shorter_[at])
                if (string_at_[at] != none)
                    for (uint32_t string = string_at_[at]; string != none; string = same_[string])
                        found(string);
        return entry & ~ends;
    }

  private:
    static constexpr uint32_t ends = uint32_t{1} << 31;  // some string ends in this state
    static constexpr uint32_t none = ~uint32_t{0};

    void insert(uint32_t string);
    void connect();

    std::vector<std::string> strings_;
    std::vector<std::array<uint32_t, 256>> table_;  // by state
    std::vector<uint32_t> shorter_;                 // by state: that of its longest end which begins a string
    std::vector<uint32_t> string_at_;               // by state: the string that it is
    std::vector<uint32_t> same_;                    // by string: another string of the same bytes
    std::array<uint8_t, 256> first_{};
};

// Reads a list of strings, as PANDA's NAME_search_strings.txt: in each line "text" in quotation marks, which may have
// any characters in it, or bytes in hexadecimal with colons between them. Empty lines do not count. name: of the file,
// for errors. Throws FileError that names the line.
std::vector<std::string> parse_strings(std::string_view text, const std::string& name);

// A string as such a list has it: in quotation marks if it is printable, else as bytes.
std::string string_text(const std::string& string);

}  // namespace panda::strings
