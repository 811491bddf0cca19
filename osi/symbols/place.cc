#include "osi/symbols/place.h"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>

#include "common/hex.h"

namespace panda::osi {
namespace {

constexpr size_t max_mangled = 8192;  // a longer one may need unreasonably much time

struct Free {
    void operator()(char* text) const { std::free(text); }
};

std::string module_text(const Place& place) {
    const std::string name = short_name(place.module);
    return !name.empty() && name.front() == '[' ? name : "[" + name + "]";
}

}  // namespace

std::string short_name(const std::string& path) {
    const size_t slash = path.rfind('/');
    return slash == std::string::npos || slash + 1 == path.size() ? path : path.substr(slash + 1);
}

std::string demangle(const std::string& name) {
    if (name.size() > max_mangled || !name.starts_with("_Z"))
        return name;
    int status = 0;
    const std::unique_ptr<char, Free> text(abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status));
    return status == 0 && text ? std::string(text.get()) : name;
}

std::string function_text(const Place& place) {
    if (place.module.empty())
        return hex(place.offset);
    if (place.function.empty())
        return module_text(place);
    return place.function + " " + module_text(place);
}

std::string to_text(const Place& place) {
    if (place.module.empty())
        return hex(place.offset);
    if (place.function.empty())
        return "[" + short_name(place.module) + "+" + hex(place.offset) + "]";
    std::string text = place.function + "+" + hex(place.offset) + " " + module_text(place);
    if (place.source.line != 0)
        text += " " + short_name(place.source.file) + ":" + std::to_string(place.source.line);
    return text;
}

}  // namespace panda::osi
