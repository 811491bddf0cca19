#include "common/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

namespace panda {

void require_other_file(const std::string& input, const std::string& output) {
    std::error_code missing;
    if (input != "-" && output != "-" && std::filesystem::equivalent(input, output, missing))
        throw UsageError("the output would overwrite the trace that is read");
}

OutputFile::OutputFile(const std::string& path, IfExists if_exists) : path_(path) {
    if (path == "-") {
        descriptor_ = STDOUT_FILENO;
        return;
    }
    const int exclusive = if_exists == IfExists::refuse ? O_EXCL : O_TRUNC;
    descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | exclusive, 0666);
    if (descriptor_ < 0) {
        if (errno == EEXIST)
            throw FileError(path, "already exists (--force overwrites it)");
        throw FileError(path, "cannot create: " + errno_text(errno));
    }
}

OutputFile::~OutputFile() {
    if (descriptor_ > STDERR_FILENO)
        ::close(descriptor_);
}

void OutputFile::write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
        if (written < 0) {
            if (errno == EINTR)
                continue;
            throw FileError(path_, "cannot write: " + errno_text(errno));
        }
        offset_ += static_cast<uint64_t>(written);
        bytes = bytes.subspan(static_cast<size_t>(written));
    }
}

bool OutputFile::can_skip() const {
    struct stat status;
    if (::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode))
        return false;
    const int flags = ::fcntl(descriptor_, F_GETFL);
    return flags >= 0 && (flags & O_APPEND) == 0 && ::lseek(descriptor_, 0, SEEK_CUR) >= status.st_size;
}

void OutputFile::write_zeros(uint64_t size) {
    constexpr uint64_t least_hole = 4096;
    if (size >= least_hole && can_skip()) {
        // The file is made longer at once, so that a hole at its end counts.
        const off_t end = ::lseek(descriptor_, static_cast<off_t>(size), SEEK_CUR);
        if (end < 0 || ::ftruncate(descriptor_, end) != 0)
            throw FileError(path_, "cannot write: " + errno_text(errno));
        offset_ += size;
        return;
    }
    const Bytes zeros(std::min(size, uint64_t{1} << 20));
    for (; size != 0; size -= std::min<uint64_t>(size, zeros.size()))
        write(std::span(zeros).first(std::min<uint64_t>(size, zeros.size())));
}

void OutputFile::close() {
    const int descriptor = descriptor_;
    descriptor_ = -1;
    if (descriptor > STDERR_FILENO && ::close(descriptor) != 0)
        throw FileError(path_, "cannot close: " + errno_text(errno));
}

MappedFile::MappedFile(const std::string& path) : path_(path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        throw FileError(path, "cannot open: " + errno_text(errno));
    struct stat status;
    int error = ::fstat(descriptor, &status) != 0 ? errno : 0;
    if (error == 0 && !S_ISREG(status.st_mode)) {
        ::close(descriptor);
        throw FileError(path, "is not a regular file");
    }
    if (error == 0 && status.st_size > 0) {
        size_ = static_cast<size_t>(status.st_size);
        data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (data_ == MAP_FAILED)
            error = errno;
    }
    ::close(descriptor);
    if (error != 0)
        throw FileError(path, "cannot read: " + errno_text(error));
}

void MappedFile::give_back(std::span<const std::byte> part) const {
    const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
    const uintptr_t from = (reinterpret_cast<uintptr_t>(part.data()) + page - 1) / page * page;
    const uintptr_t to = (reinterpret_cast<uintptr_t>(part.data()) + part.size()) / page * page;
    // Only advice: if the kernel does not take it, the pages stay.
    if (from < to)
        ::madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);
}

MappedFile::~MappedFile() {
    if (data_ != nullptr)
        ::munmap(data_, size_);
}

}  // namespace panda
