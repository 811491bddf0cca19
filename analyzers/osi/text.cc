#include "analyzers/osi/text.h"

#include <glib.h>

#include <algorithm>
#include <cstring>

namespace panda::analyze_osi {

std::string printable(const std::string& text) {
    std::string result;
    const char* const end = text.data() + text.size();
    for (const char* at = text.data(); at != end;) {
        const gunichar letter = g_utf8_get_char_validated(at, end - at);
        // Both values for broken sequences have the topmost bit set.
        if ((letter >> 31) != 0 || g_unichar_isprint(letter) == 0 || letter == '\\') {
            char escape[8];
            std::snprintf(escape, sizeof escape, "\\%03o", static_cast<unsigned char>(*at++));
            result += escape;
        } else {
            const char* const next = g_utf8_next_char(at);
            result.append(at, next);
            at = next;
        }
    }
    return result;
}

std::string quoted(const std::string& text) {
    const std::string word = printable(text);
    const auto is_plain = [](char letter) {
        return g_ascii_isalnum(letter) != 0 || std::strchr("_@%+=:,./-", letter) != nullptr;
    };
    if (!word.empty() && std::all_of(word.begin(), word.end(), is_plain))
        return word;
    std::string result = "'";
    for (const char letter : word)
        result += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
    return result + "'";
}

}  // namespace panda::analyze_osi
