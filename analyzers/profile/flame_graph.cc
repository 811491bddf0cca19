// The flame graph: see profile_files.h. Brendan Gregg's flamegraph.pl has shown what one should look like.
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <map>
#include <memory>

#include "analyzers/profile/profile_files.h"

namespace panda::profile {
namespace {

constexpr double width = 1600;  // pixels
constexpr double margin = 10;
constexpr double row = 17;
constexpr double header = 40;
constexpr double least = 0.2;      // of a rectangle's width
constexpr double character = 6.6;  // the width of one, at 11 pixels

// A function in its place, with what it calls.
struct Block {
    uint64_t instructions = 0;
    std::map<std::string, std::unique_ptr<Block>> calls;
};

std::string escaped(const std::string& text) {
    std::string out;
    for (const char letter : text) {
        switch (letter) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            default:
                out += letter < ' ' && letter >= 0 ? '?' : letter;
        }
    }
    return out;
}

// A name has the same colour wherever it is: the kernel's are blue, others warm.
std::string colour_of(const std::string& name) {
    uint32_t hash = 2166136261;  // FNV-1a
    for (const char letter : name)
        hash = (hash ^ static_cast<unsigned char>(letter)) * 16777619;
    const unsigned shade = hash % 56;
    char text[32];
    if (name.ends_with("[kernel]") || name == "[firmware]")
        std::snprintf(text, sizeof text, "rgb(%u,%u,%u)", 110 + shade, 160 + shade, 225 + shade / 2);
    else
        std::snprintf(text, sizeof text, "rgb(%u,%u,%u)", 215 + shade / 2, 110 + hash / 56 % 100, 50 + shade);
    return text;
}

class Picture {
  public:
    Picture(std::ostream& out, uint64_t total) : out_(out), total_(total) {}

    static unsigned depth_of(const Block& block, double pixels) {
        unsigned depth = 0;
        for (const auto& [name, call] : block.calls) {
            const double part =
                pixels * static_cast<double>(call->instructions) / static_cast<double>(block.instructions);
            if (part >= least)
                depth = std::max(depth, 1 + depth_of(*call, part));
        }
        return depth;
    }
    // Draws what a block calls, from `left` on; `bottom` is the lower edge of its calls.
    void draw(const Block& block, double left, double bottom) {
        for (const auto& [name, call] : block.calls) {
            const double pixels =
                (width - 2 * margin) * static_cast<double>(call->instructions) / static_cast<double>(total_);
            if (pixels >= least) {
                rectangle(name, call->instructions, left, bottom - row, pixels);
                draw(*call, left, bottom - row);
            }
            left += pixels;
        }
    }

  private:
    void rectangle(const std::string& name, uint64_t instructions, double left, double top, double pixels) {
        char text[200];
        std::snprintf(text, sizeof text, "%" PRIu64 " instructions, %.2f %%", instructions,
                      100 * static_cast<double>(instructions) / static_cast<double>(total_));
        out_ << "<g><title>" << escaped(name) << " (" << text << ")</title>";
        std::snprintf(text, sizeof text,
                      "<rect x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" height=\"%.0f\" rx=\"1\" fill=\"", left,
                      top, std::max(pixels - 0.3, 0.1), row - 1);
        out_ << text << colour_of(name) << "\"/>";
        const auto fits = static_cast<size_t>(std::max(0.0, (pixels - 6) / character));
        if (fits >= 3) {
            const std::string shown = name.size() <= fits ? name : name.substr(0, fits - 2) + "..";
            std::snprintf(text, sizeof text, "<text x=\"%.1f\" y=\"%.1f\">", left + 3, top + row - 5);
            out_ << text << escaped(shown) << "</text>";
        }
        out_ << "</g>\n";
    }

    std::ostream& out_;
    uint64_t total_;
};

}  // namespace

void write_flame_graph(std::ostream& out, std::span<const PathCount> paths, const std::string& title) {
    Block root;
    for (const PathCount& path : paths) {
        root.instructions += path.instructions;
        Block* block = &root;
        const auto enter = [&](const std::string& name) {
            auto& call = block->calls[name];
            if (!call)
                call = std::make_unique<Block>();
            call->instructions += path.instructions;
            block = call.get();
        };
        if (!path.group.empty())
            enter(path.group);
        for (const std::string& name : path.path)
            enter(name);
    }
    root.instructions = std::max<uint64_t>(root.instructions, 1);
    const unsigned depth = Picture::depth_of(root, width - 2 * margin);
    const double height = header + row * depth + margin;
    char text[400];
    std::snprintf(text, sizeof text,
                  "<svg version=\"1.1\" xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
                  "viewBox=\"0 0 %.0f %.0f\">\n"
                  "<style>text { font: 11px monospace; fill: #000; } .title { font: 17px sans-serif; } "
                  "g:hover rect { stroke: #000; stroke-width: 0.7; }</style>\n"
                  "<rect width=\"100%%\" height=\"100%%\" fill=\"#f8f8f4\"/>\n"
                  "<text class=\"title\" x=\"%.0f\" y=\"25\" text-anchor=\"middle\">",
                  width, height, width, height, width / 2);
    out << text << escaped(title) << "</text>\n";
    Picture(out, root.instructions).draw(root, margin, height - margin);
    out << "</svg>\n";
}

}  // namespace panda::profile
