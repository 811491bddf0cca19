#include "kernelinfo/key_file.h"

#include <glib.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <ostream>

#include "common/error.h"
#include "common/file.h"
#include "common/numbers.h"
#include "kernelinfo/keys.h"

namespace panda::kernelinfo {
namespace {

constexpr size_t max_file = size_t{16} << 20;
constexpr int64_t max_offset = int64_t{16} << 20;

struct FreeText {
    void operator()(gchar* text) const { g_free(text); }
    void operator()(gchar** texts) const { g_strfreev(texts); }
    void operator()(GError* error) const { g_error_free(error); }
};
using Text = std::unique_ptr<gchar, FreeText>;
using Texts = std::unique_ptr<gchar*, FreeText>;

template <typename T>
T number_of(const std::string& text) {
    const auto number = read_number<T>(text);
    if (!number)
        throw Error("is not a number that fits: \"" + text.substr(0, 40) + "\"");
    return *number;
}

void set_field(KernelInfo& info, const Key& key, const std::string& text) {
    if (const auto* address = std::get_if<Address KernelInfo::*>(&key.field)) {
        info.** address = number_of<uint64_t>(text);
        return;
    }
    const auto number = number_of<int64_t>(text);
    if (number < -max_offset || number > max_offset)
        throw Error("is out of range: " + text);
    info.*std::get<Offset KernelInfo::*>(key.field) = number;
}

}  // namespace

void KeyFile::Free::operator()(GKeyFile* file) const {
    g_key_file_free(file);
}

KeyFile KeyFile::open(const std::string& path) {
    const MappedFile file(path);
    const auto bytes = file.bytes();
    if (bytes.size() > max_file)
        throw FileError(path, "larger than 16 MiB, so it is not a kernelinfo.conf");
    return KeyFile(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()), path);
}

KeyFile::KeyFile(std::string_view text, std::string path) : path_(std::move(path)), file_(g_key_file_new()) {
    if (text.find('\0') != std::string_view::npos)
        throw FileError(path_, "is not a text file");
    if (text.empty())
        return;  // GLib refuses an empty text, although a key file without groups is valid
    GError* error = nullptr;
    if (g_key_file_load_from_data(file_.get(), text.data(), text.size(), G_KEY_FILE_NONE, &error) == 0) {
        const std::unique_ptr<GError, FreeText> owner(error);
        throw FileError(path_, error->message);
    }
}

std::vector<std::string> KeyFile::groups() const {
    const Texts names(g_key_file_get_groups(file_.get(), nullptr));
    std::vector<std::string> result;
    for (gchar** name = names.get(); *name != nullptr; ++name)
        result.emplace_back(*name);
    return result;
}

std::string KeyFile::value(const std::string& group, const std::string& key) const {
    const Text text(g_key_file_get_string(file_.get(), group.c_str(), key.c_str(), nullptr));
    if (!text)
        throw Error("is missing or not UTF-8");
    return g_strstrip(text.get());
}

KernelInfo KeyFile::read(const std::string& group) const {
    if (g_key_file_has_group(file_.get(), group.c_str()) == 0) {
        std::string known;
        for (const std::string& name : groups())
            known += (known.empty() ? "" : ", ") + name;
        if (known.size() > 500)
            known.resize(500);
        throw FileError(path_, "has no group [" + group + "]; it has: " + (known.empty() ? "none" : known));
    }
    KernelInfo info;
    info.source = path_;
    info.group = group;
    const Texts names(g_key_file_get_keys(file_.get(), group.c_str(), nullptr, nullptr));
    const auto read_key = [&](const std::string& name, auto&& use) {
        try {
            use(value(group, name));
        } catch (const Error& error) {
            throw FileError(path_, "group [" + group + "]", "key " + name + " " + error.what());
        }
    };
    read_key("name", [&](const std::string& text) { info.name = text; });
    for (gchar** name = names.get(); *name != nullptr; ++name)
        if (const Key* key = find_key(*name))
            read_key(*name, [&](const std::string& text) { set_field(info, *key, text); });
    return info;
}

void write_group(std::ostream& out, const KernelInfo& info) {
    out << "[" << info.group << "]\nname = " << info.name << "\n";
    for (const Key& key : keys()) {
        if (const auto* offset = std::get_if<Offset KernelInfo::*>(&key.field)) {
            if (info.**offset)
                out << key.name << " = " << *(info.**offset) << "\n";
            continue;
        }
        const Address& address = info.*std::get<Address KernelInfo::*>(key.field);
        if (!address)
            continue;
        char hexadecimal[24];
        std::snprintf(hexadecimal, sizeof hexadecimal, "0x%08" PRIX64, *address);
        out << key.name << " = " << *address << "\n#" << key.name << " = " << hexadecimal << "\n";
    }
}

}  // namespace panda::kernelinfo
