// Lists of strings to search for, and the automaton that is made of them.
#include "analyzers/strings/pattern_set.h"
#include "common/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    constexpr size_t max_list = 512;
    try {
        const size_t list = std::min(size, max_list);
        const panda::strings::PatternSet set(
            panda::strings::parse_strings({reinterpret_cast<const char*>(data), list}, "strings"));
        uint32_t state = 0;
        for (size_t i = 0; i < size; ++i)
            state = set.next(state, data[i], [&](uint32_t string) {
                const std::string& found = set[string];
                if (found.size() > i + 1 ||
                    !std::equal(found.begin(), found.end(), data + i + 1 - found.size(),
                                [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; }))
                    __builtin_trap();
            });
    } catch (const panda::Error&) {
        // refused
    }
    return 0;
}
