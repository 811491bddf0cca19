#include "analyzers/profile/profile_files.h"

#include <algorithm>
#include <map>

#include "common/json_value.h"

namespace panda::profile {
namespace {

std::string without_semicolons(std::string name) {
    std::replace(name.begin(), name.end(), ';', ':');
    return name;
}

// The names of a path with its group as the outermost.
std::vector<std::string> with_group(const PathCount& path) {
    std::vector<std::string> names;
    if (!path.group.empty())
        names.push_back(path.group);
    names.insert(names.end(), path.path.begin(), path.path.end());
    return names;
}

// Numbers names in the order in which they occur.
class Numbers {
  public:
    explicit Numbers(uint64_t first) : first_(first) {}
    uint64_t of(const std::string& name) {
        const auto [entry, fresh] = numbers_.try_emplace(name, first_ + names_.size());
        if (fresh)
            names_.push_back(name);
        return entry->second;
    }
    const std::vector<std::string>& names() const { return names_; }

  private:
    uint64_t first_;
    std::map<std::string, uint64_t> numbers_;
    std::vector<std::string> names_;
};

// A message of a protocol buffer (protobuf.dev/programming-guides/encoding).
class Message {
  public:
    void number(unsigned field, uint64_t value) {
        bytes_.put_varint(field << 3);
        bytes_.put_varint(value);
    }
    void bytes(unsigned field, std::span<const std::byte> content) {
        bytes_.put_varint(field << 3 | 2);
        bytes_.put_varint(content.size());
        bytes_.put_bytes(content);
    }
    void text(unsigned field, const std::string& text) { bytes(field, std::as_bytes(std::span(text))); }
    void message(unsigned field, const Message& message) { bytes(field, message.bytes_.bytes()); }
    void packed(unsigned field, std::span<const uint64_t> values) {
        ByteWriter content;
        for (const uint64_t value : values)
            content.put_varint(value);
        bytes(field, content.bytes());
    }
    Bytes take() { return bytes_.take(); }

  private:
    ByteWriter bytes_;
};

}  // namespace

void write_folded(std::ostream& out, std::span<const PathCount> paths) {
    for (const PathCount& path : paths) {
        std::string line;
        for (const std::string& name : with_group(path))
            line += (line.empty() ? "" : ";") + without_semicolons(name);
        if (!line.empty())
            out << line << ' ' << path.instructions << '\n';
    }
}

void write_speedscope(std::ostream& out, std::span<const PathCount> paths, const std::string& title) {
    Numbers functions(0);
    std::map<std::string, Json> profiles;  // by group
    for (const PathCount& path : paths) {
        Json stack = Json::array();
        for (const std::string& name : path.path)
            stack.push_back(functions.of(name));
        Json& profile = profiles[path.group];
        if (profile.is_null())
            profile = {{"type", "sampled"},       {"name", path.group.empty() ? title : path.group},
                       {"unit", "none"},          {"startValue", 0},
                       {"endValue", 0},           {"samples", Json::array()},
                       {"weights", Json::array()}};
        profile["samples"].push_back(std::move(stack));
        profile["weights"].push_back(path.instructions);
        profile["endValue"] = profile["endValue"].get<uint64_t>() + path.instructions;
    }
    Json frames = Json::array();
    for (const std::string& name : functions.names())
        frames.push_back({{"name", name}});
    Json all = Json::array();
    for (auto& [group, profile] : profiles)
        all.push_back(std::move(profile));
    write_json_line(out, {{"$schema", "https://www.speedscope.app/file-format-schema.json"},
                          {"name", title},
                          {"exporter", "panda-analyze profile"},
                          {"shared", {{"frames", std::move(frames)}}},
                          {"profiles", std::move(all)}});
}

Bytes pprof_of(std::span<const PathCount> paths) {
    // Numbers of fields are those of profile.proto. String 0 must be empty; functions and locations start at 1.
    Numbers strings(0);
    strings.of("");
    Numbers functions(1);
    Message profile;
    Message type;
    type.number(1, strings.of("instructions"));
    type.number(2, strings.of("count"));
    profile.message(1, type);
    for (const PathCount& path : paths) {
        std::vector<uint64_t> locations;
        for (auto name = path.path.rbegin(); name != path.path.rend(); ++name)
            locations.push_back(functions.of(*name));  // each function has one location of the same number
        Message sample;
        sample.packed(1, locations);
        sample.packed(2, std::span(&path.instructions, 1));
        if (!path.group.empty()) {
            Message label;
            label.number(1, strings.of("group"));
            label.number(2, strings.of(path.group));
            sample.message(3, label);
        }
        profile.message(2, sample);
    }
    uint64_t number = 0;
    for (const std::string& name : functions.names()) {
        Message line;
        line.number(1, ++number);
        Message location;
        location.number(1, number);
        location.message(4, line);
        profile.message(4, location);
        Message function;
        function.number(1, number);
        function.number(2, strings.of(name));
        profile.message(5, function);
    }
    for (const std::string& text : strings.names())
        profile.text(6, text);
    return profile.take();
}

}  // namespace panda::profile
