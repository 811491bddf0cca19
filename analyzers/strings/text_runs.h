// Printable text in what taps read and write.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "analyzers/taps/tap_pass.h"

namespace panda::strings {

// A piece of text that has passed by at a tap.
struct TextRun {
    uint64_t instr = 0;  // when its last character did
    uint32_t tap = 0;
    bool write = false;
    bool wide = false;  // UTF-16, little endian; else ASCII
    std::string text;
};

// A sink for run_tap_pass(). Each tap has a stream of what it reads and one of what it writes. A text is a run of
// characters from blank to tilde, of one byte each (ASCII) or each with a zero behind it (UTF-16).
class TextRuns {
  public:
    static constexpr auto wants = taps::Wants::values;
    static constexpr size_t longest = 256;  // a longer run is told in pieces

    // least: shorter texts are left out, in characters. found: is told of each text when it is over.
    TextRuns(size_t least, std::function<void(const TextRun&)> found)
        : least_(least), found_(std::move(found)) {}

    void take(const taps::TapAccess& access) {
        const size_t number = size_t{access.tap} * 2 + (access.write ? 1 : 0);
        if (number >= streams_.size()) [[unlikely]]
            streams_.resize(number + number / 2 + 64);
        auto& stream = streams_[number];
        if (!stream) {
            if (!has_printable(access))
                return;
            stream = std::make_unique<Stream>();
        }
        for (const uint8_t byte : access.bytes())
            take_byte(*stream, number, byte, access.instr);
    }
    // Tells the texts that are not over. To be called at the end.
    void finish();

  private:
    struct Run {
        std::string text;
        uint64_t instr = 0;
    };
    struct Stream {
        Run narrow;
        Run wide;
        uint8_t half = 0;  // a character whose zero has not come yet; 0: none
    };

    static bool is_printable(uint8_t byte) { return byte >= 0x20 && byte < 0x7f; }
    static bool has_printable(const taps::TapAccess& access);
    void take_byte(Stream& stream, size_t number, uint8_t byte, uint64_t instr);
    void extend(Run& run, size_t number, bool wide, uint8_t byte, uint64_t instr);
    void end(Run& run, size_t number, bool wide);

    size_t least_;
    std::function<void(const TextRun&)> found_;
    std::vector<std::unique_ptr<Stream>> streams_;  // by tap and direction
};

}  // namespace panda::strings
