#include "analyzers/strings/text_runs.h"

#include <algorithm>
#include <utility>

namespace panda::strings {

bool TextRuns::has_printable(const taps::TapAccess& access) {
    return std::ranges::any_of(access.bytes(), is_printable);
}

void TextRuns::take_byte(Stream& stream, size_t number, uint8_t byte, uint64_t instr) {
    if (is_printable(byte))
        extend(stream.narrow, number, false, byte, instr);
    else
        end(stream.narrow, number, false);
    if (byte == 0 && stream.half != 0) {
        extend(stream.wide, number, true, std::exchange(stream.half, 0), instr);
        return;
    }
    if (stream.half != 0 || byte == 0 || !is_printable(byte))
        end(stream.wide, number, true);
    stream.half = is_printable(byte) ? byte : 0;
}

void TextRuns::extend(Run& run, size_t number, bool wide, uint8_t byte, uint64_t instr) {
    if (run.text.size() == longest)
        end(run, number, wide);
    run.text += static_cast<char>(byte);
    run.instr = instr;
}

void TextRuns::end(Run& run, size_t number, bool wide) {
    if (run.text.size() >= least_ && !run.text.empty())
        found_({run.instr, static_cast<uint32_t>(number / 2), number % 2 != 0, wide, run.text});
    run.text.clear();
}

void TextRuns::finish() {
    for (size_t number = 0; number < streams_.size(); ++number) {
        if (!streams_[number])
            continue;
        end(streams_[number]->narrow, number, false);
        end(streams_[number]->wide, number, true);
    }
}

}  // namespace panda::strings
