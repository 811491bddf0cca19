#include "kernelinfo/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>

#include <memory>

#include "common/error.h"

namespace panda::kernelinfo {
namespace {

struct CloseArchive {
    void operator()(archive* reader) const { archive_read_free(reader); }
};
using Archive = std::unique_ptr<archive, CloseArchive>;

// archive_read_support_filter_all() would also start programs such as lzop and grzip.
Archive new_archive() {
    Archive reader(archive_read_new());
    if (!reader)
        throw std::bad_alloc();
    for (const auto filter : {archive_read_support_filter_gzip, archive_read_support_filter_bzip2,
                              archive_read_support_filter_xz, archive_read_support_filter_lzma,
                              archive_read_support_filter_lz4, archive_read_support_filter_zstd})
        filter(reader.get());
    return reader;
}

std::string error_of(archive* reader) {
    const char* text = archive_error_string(reader);
    return text != nullptr ? text : "damaged data";
}

// The current entry's content.
Bytes read_content(archive* reader, uint64_t limit) {
    Bytes content;
    Bytes piece(size_t{1} << 20);
    for (;;) {
        const la_ssize_t size = archive_read_data(reader, piece.data(), piece.size());
        if (size < 0)
            throw Error(error_of(reader));
        if (size == 0)
            return content;
        if (content.size() + static_cast<size_t>(size) > limit)
            throw Error("larger than " + std::to_string(limit >> 20) + " MiB");
        content.insert(content.end(), piece.begin(), piece.begin() + size);
    }
}

// Lets an entry of an archive be read as an archive itself.
struct NestedArchive {
    archive* outer;
    Bytes piece = Bytes(size_t{256} << 10);

    static la_ssize_t read(archive* inner, void* self_pointer, const void** data) {
        auto& self = *static_cast<NestedArchive*>(self_pointer);
        const la_ssize_t size = archive_read_data(self.outer, self.piece.data(), self.piece.size());
        if (size < 0)
            archive_set_error(inner, archive_errno(self.outer), "%s", error_of(self.outer).c_str());
        *data = self.piece.data();
        return size;
    }
};

bool next_entry(archive* reader, archive_entry** entry) {
    const int status = archive_read_next_header(reader, entry);
    if (status != ARCHIVE_OK && status != ARCHIVE_EOF && status != ARCHIVE_WARN)
        throw Error(error_of(reader));
    return status != ARCHIVE_EOF;
}

PackagedFile extract(const std::string& path, const std::function<bool(const std::string&)>& wanted,
                     uint64_t limit) {
    const Archive package = new_archive();
    archive_read_support_format_ar(package.get());
    archive_entry* entry = nullptr;
    if (archive_read_open_filename(package.get(), path.c_str(), size_t{64} << 10) != ARCHIVE_OK)
        throw Error(error_of(package.get()));
    // deb(5): debian-binary, control.tar.*, data.tar.*.
    do {
        if (!next_entry(package.get(), &entry))
            throw Error("is not a Debian package: it has no data.tar");
    } while (std::string(archive_entry_pathname(entry)).rfind("data.tar", 0) != 0);

    NestedArchive nested{package.get()};
    const Archive tar = new_archive();
    archive_read_support_format_tar(tar.get());
    if (archive_read_open(tar.get(), &nested, nullptr, NestedArchive::read, nullptr) != ARCHIVE_OK)
        throw Error(error_of(tar.get()));
    while (next_entry(tar.get(), &entry)) {
        const char* name = archive_entry_pathname(entry);
        if (name != nullptr && archive_entry_filetype(entry) == AE_IFREG && wanted(name))
            return {name, read_content(tar.get(), limit)};
    }
    throw Error("the package holds no kernel image (vmlinuz-* or vmlinux-*)");
}

}  // namespace

Bytes decompress_any(std::span<const std::byte> stream, uint64_t limit, const std::string& place) {
    try {
        const Archive reader = new_archive();
        archive_read_support_format_raw(reader.get());
        archive_entry* entry = nullptr;
        if (archive_read_open_memory(reader.get(), stream.data(), stream.size()) != ARCHIVE_OK)
            throw Error(error_of(reader.get()));
        if (archive_filter_count(reader.get()) < 2)  // the last filter is "none"
            throw Error("compressed in an unknown way (LZO is not supported)");
        if (!next_entry(reader.get(), &entry))
            throw Error("empty");
        return read_content(reader.get(), limit);
    } catch (const Error& error) {
        throw Error(place + ": " + error.what());
    }
}

PackagedFile extract_from_deb(const std::string& path, const std::function<bool(const std::string&)>& wanted,
                              uint64_t limit) {
    try {
        return extract(path, wanted, limit);
    } catch (const Error& error) {
        throw FileError(path, error.what());
    }
}

}  // namespace panda::kernelinfo
