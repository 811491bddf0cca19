// Reads tests/samples/tcg_operations.txt.
#pragma once

#include <charconv>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/bytes.h"
#include "trace/tcg/dialect.h"

namespace panda::tests {

struct TcgSample {
    uint32_t instructions = 0;
    Bytes bytes;
    std::string text;  // a line for each operation
};

struct TcgSamples {
    trace::TraceHeader header;
    std::vector<TcgSample> blocks;
};

inline Bytes bytes_of_hex(std::string_view text) {
    Bytes bytes(text.size() / 2);
    for (size_t i = 0; i < bytes.size(); ++i) {
        unsigned value = 0;
        std::from_chars(text.data() + 2 * i, text.data() + 2 * i + 2, value, 16);
        bytes[i] = static_cast<std::byte>(value);
    }
    return bytes;
}

inline TcgSamples read_tcg_samples(const std::string& path) {
    TcgSamples samples;
    samples.header.architecture = "x86_64";
    std::ifstream in(path);
    std::vector<std::string> facts;
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with("#"))
            continue;
        if (line.starts_with("block ")) {
            const size_t space = line.find(' ', 6);
            samples.blocks.push_back({static_cast<uint32_t>(std::stoul(line.substr(6, space - 6))),
                                      bytes_of_hex(std::string_view(line).substr(space + 1)),
                                      {}});
        } else if (samples.blocks.empty()) {
            facts.push_back(line);
        } else {
            samples.blocks.back().text += line + "\n";
        }
    }
    if (facts.size() != 2 || samples.blocks.empty())
        throw std::runtime_error("no samples in " + path);
    samples.header.facts = {{"tcg-operations", facts[0]}, {"tcg-globals", facts[1]}};
    return samples;
}

}  // namespace panda::tests
