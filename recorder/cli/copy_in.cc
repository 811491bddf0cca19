#include "recorder/cli/copy_in.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <set>

#include "common/error.h"
#include "recorder/cli/process.h"

namespace panda::record {
namespace {

namespace fs = std::filesystem;

struct FreeArchive {
    void operator()(archive* writer) const { archive_write_free(writer); }
};
struct FreeEntry {
    void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};
using Entry = std::unique_ptr<archive_entry, FreeEntry>;

// Writes one archive into memory.
class Archive {
  public:
    explicit Archive(uint64_t limit) : writer_(archive_write_new()), limit_(limit) {
        if (!writer_)
            throw std::bad_alloc();
        check(archive_write_set_format_cpio_newc(writer_.get()));
        check(archive_write_set_bytes_per_block(writer_.get(), 0));
        check(archive_write_open(writer_.get(), this, nullptr, &Archive::append, nullptr));
    }

    // guest: without its leading slash. Parent directories that the guest already has keep their modes.
    void add(const fs::path& host, const fs::path& guest) {
        fs::path parent;
        for (const fs::path& part : guest.parent_path()) {
            parent /= part;
            add_directory(parent.string(), 0755);
        }
        struct stat info{};
        if (::stat(host.c_str(), &info) != 0)
            throw FileError(host.string(), errno_text(errno));
        if (S_ISDIR(info.st_mode)) {
            add_directory(guest.string(), info.st_mode & 07777);
            for (const fs::directory_entry& entry : fs::directory_iterator(host))
                add(entry.path(), guest / entry.path().filename());
        } else if (S_ISREG(info.st_mode)) {
            add_file(host.string(), guest.string(), info);
        } else {
            throw FileError(host.string(), "is neither a file nor a directory");
        }
    }

    std::string finish() {
        check(archive_write_close(writer_.get()));
        return std::move(bytes_);
    }

  private:
    static la_ssize_t append(archive*, void* self, const void* data, size_t size) {
        static_cast<Archive*>(self)->bytes_.append(static_cast<const char*>(data), size);
        return static_cast<la_ssize_t>(size);
    }

    void check(int result) {
        if (result < ARCHIVE_WARN)
            throw Error(std::string("cannot archive the files to copy in: ") +
                        archive_error_string(writer_.get()));
    }

    Entry header(const std::string& path, mode_t mode) {
        Entry entry(archive_entry_new());
        archive_entry_set_pathname(entry.get(), path.c_str());
        archive_entry_set_mode(entry.get(), mode);
        archive_entry_set_uid(entry.get(), 0);
        archive_entry_set_gid(entry.get(), 0);
        archive_entry_set_nlink(entry.get(), 1);
        archive_entry_set_size(entry.get(), 0);
        return entry;
    }

    void add_directory(const std::string& path, mode_t mode) {
        static const std::set<std::string> in_every_guest = {"bin", "etc", "lib",       "mnt", "root",
                                                             "tmp", "usr", "usr/share", "var"};
        if (path.empty() || in_every_guest.contains(path) || !directories_.insert(path).second)
            return;
        const Entry entry = header(path, S_IFDIR | mode);
        check(archive_write_header(writer_.get(), entry.get()));
    }

    void add_file(const std::string& host, const std::string& guest, const struct stat& info) {
        if (bytes_.size() + static_cast<uint64_t>(info.st_size) > limit_)
            throw FileError(host, "does not fit: the files to copy in may take half of the guest's memory");
        const launch::Descriptor file(::open(host.c_str(), O_RDONLY | O_CLOEXEC));
        if (file.get() < 0)
            throw FileError(host, errno_text(errno));
        const Entry entry = header(guest, S_IFREG | (info.st_mode & 07777));
        archive_entry_set_size(entry.get(), info.st_size);
        archive_entry_set_mtime(entry.get(), info.st_mtime, 0);
        check(archive_write_header(writer_.get(), entry.get()));
        std::vector<char> buffer(size_t{1} << 20);
        off_t copied = 0;
        while (copied < info.st_size) {
            const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
            if (got <= 0)
                throw FileError(host, got < 0 ? errno_text(errno) : "became shorter while it was copied");
            const auto part = static_cast<size_t>(std::min<off_t>(got, info.st_size - copied));
            if (archive_write_data(writer_.get(), buffer.data(), part) < 0)
                check(ARCHIVE_FATAL);
            copied += static_cast<off_t>(part);
        }
    }

    std::string bytes_;
    std::set<std::string> directories_;
    std::unique_ptr<archive, FreeArchive> writer_;
    uint64_t limit_;
};

}  // namespace

CopyIn parse_copy_in(const std::string& text) {
    const size_t colon = text.rfind(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == text.size() || text[colon + 1] != '/')
        throw UsageError("--copy-in " + text + ": want HOST:GUEST with an absolute path in the guest");
    CopyIn file{text.substr(0, colon), text.substr(colon + 1)};
    if (file.guest.back() == '/')
        file.guest += fs::path(file.host).filename().string();
    const fs::path guest = fs::path(file.guest).lexically_normal();
    file.guest = guest.string();
    for (const char* mounted : {"/dev", "/proc", "/sys"})
        if (file.guest == mounted || file.guest.starts_with(std::string(mounted) + "/"))
            throw UsageError("--copy-in " + text + ": the guest mounts a file system on " + mounted);
    if (guest.relative_path().empty())
        throw UsageError("--copy-in " + text + ": want a name in the guest");
    return file;
}

std::string copy_in_archive(const std::vector<CopyIn>& files, uint64_t limit) {
    Archive archive(limit);
    for (const CopyIn& file : files)
        archive.add(file.host, fs::path(file.guest).relative_path());
    return archive.finish();
}

}  // namespace panda::record
