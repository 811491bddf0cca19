#include "recorder/engine/options.h"

#include <vector>

#include "common/error.h"
#include "common/numbers.h"

namespace panda::engine {
namespace {

std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> items;
    std::string item;
    for (size_t i = 0; i < text.size(); i++) {
        const bool comma = text[i] == ',';
        if (comma && i + 1 < text.size() && text[i + 1] == ',') {
            item += ',';
            i++;
        } else if (comma) {
            items.push_back(std::move(item));
            item.clear();
        } else {
            item += text[i];
        }
    }
    items.push_back(std::move(item));
    return items;
}

}  // namespace

Options::Options(const std::string& text) {
    for (const std::string& item : split(text)) {
        const size_t equals = item.find('=');
        if (item.empty())
            continue;
        if (equals == std::string::npos)
            values_[item] = "on";
        else
            values_[item.substr(0, equals)] = item.substr(equals + 1);
    }
}

std::string Options::take(const std::string& name, const std::string& fallback) {
    const auto node = values_.extract(name);
    return node.empty() ? fallback : node.mapped();
}

bool Options::take_flag(const std::string& name) {
    const std::string text = take(name, "off");
    if (text != "on" && text != "off")
        throw UsageError("engine option " + name + "=" + text + " is neither on nor off");
    return text == "on";
}

uint64_t Options::take_number(const std::string& name, uint64_t fallback) {
    const std::string text = take(name);
    if (text.empty())
        return fallback;
    return parse_number("engine option " + name, text);
}

void Options::expect_empty() const {
    if (!values_.empty())
        throw UsageError("unknown engine option " + values_.begin()->first);
}

}  // namespace panda::engine
