#include "analyzers/lift/state_layout.h"

#include <fstream>
#include <sstream>

#include "common/error.h"

namespace panda::lift {
namespace {

constexpr uint64_t max_state = 1 << 20;  // bytes; QEMU 10.0 has 15104

}  // namespace

void StateLayout::add_line(const std::string& line) {
    std::istringstream words(line);
    if (line.starts_with("size") || line.starts_with("offset")) {
        std::string what;
        std::string of;
        uint64_t value = 0;
        if (!(words >> what >> of >> value))
            throw Error("is malformed: " + line.substr(0, 80));
        if (what == "size" && of == "CPUX86State")
            state_size_ = value;
        return;
    }
    int64_t offset = 0;
    unsigned size = 0;
    uint64_t count = 0;
    std::string name;
    if (!(words >> offset >> size >> count >> name) || count == 0 || offset < 0 || size == 0 ||
        static_cast<uint64_t>(offset) > max_state || count * size > max_state)
        throw Error("is malformed: " + line.substr(0, 80));
    for (uint64_t i = 0; i < count; ++i) {
        const std::string whole = count == 1 ? name : name + "[" + std::to_string(i) + "]";
        const int64_t at = offset + static_cast<int64_t>(i * size);
        names_.emplace(std::pair(at, size), whole);
        offsets_.emplace(whole, at);
    }
}

StateLayout StateLayout::read(const std::string& path) {
    std::ifstream in(path);
    StateLayout layout;
    try {
        for (std::string line; std::getline(in, line);)
            layout.add_line(line);
        if (layout.state_size_ == 0 || layout.state_size_ > max_state)
            throw Error("does not say the size of the processor's state");
    } catch (const Error& error) {
        throw FileError(path, error.what());
    }
    return layout;
}

const std::string* StateLayout::name(int64_t offset, unsigned size) const {
    const auto found = names_.find({offset, size});
    return found == names_.end() ? nullptr : &found->second;
}

int64_t StateLayout::offset(const std::string& name) const {
    const auto found = offsets_.find(name);
    if (found == offsets_.end())
        throw Error("the processor's state has no field " + name);
    return found->second;
}

}  // namespace panda::lift
