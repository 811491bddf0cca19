#include "trace/format/message_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "trace/limits.h"

namespace panda::trace {
namespace {

// Reads a descriptor from its current position on. It keeps only the message that was read last.
class StreamSource final : public MessageSource {
  public:
    // descriptor: closed by the destructor, unless it is standard input.
    StreamSource(const std::string& path, int descriptor) : MessageSource(path), descriptor_(descriptor) {}
    ~StreamSource() override {
        if (descriptor_ > STDERR_FILENO)
            ::close(descriptor_);
    }

    std::optional<Frame> next() override {
        std::array<std::byte, frame_header_bytes> frame_header;
        const size_t got = read(frame_header);
        if (got == 0)
            return std::nullopt;
        if (got < frame_header.size()) {
            set_cut_short(offset_);
            return std::nullopt;
        }
        // A vector of words has the alignment that Cap'n Proto needs.
        const uint64_t size = message_size(frame_header, offset_);
        const auto words = std::make_shared<std::vector<uint64_t>>(size / sizeof(uint64_t));
        const auto bytes = std::as_writable_bytes(std::span(*words));
        std::memcpy(bytes.data(), frame_header.data(), frame_header.size());
        const auto rest = bytes.subspan(frame_header.size());
        if (read(rest) < rest.size()) {
            set_cut_short(offset_);
            return std::nullopt;
        }
        Frame frame{bytes, offset_, words};
        offset_ += size;
        return frame;
    }

  private:
    // Fills `out` as far as the stream goes; returns how many bytes that are.
    size_t read(std::span<std::byte> out) {
        size_t done = 0;
        while (done < out.size()) {
            const ssize_t got = ::read(descriptor_, out.data() + done, out.size() - done);
            if (got < 0 && errno == EINTR)
                continue;
            if (got < 0)
                throw FileError(path(), "cannot read: " + errno_text(errno));
            if (got == 0)
                break;
            done += static_cast<size_t>(got);
        }
        return done;
    }

    int descriptor_;
    uint64_t offset_ = 0;
};

}  // namespace

std::unique_ptr<MessageSource> MessageSource::open(const std::string& path) {
    if (path == "-")
        return std::make_unique<StreamSource>("standard input", STDIN_FILENO);
    struct stat status;
    if (::stat(path.c_str(), &status) != 0)
        throw FileError(path, "cannot open: " + errno_text(errno));
    if (S_ISREG(status.st_mode))
        return std::make_unique<MappedSource>(path);
    if (S_ISDIR(status.st_mode))
        throw FileError(path, "is a directory");
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        throw FileError(path, "cannot open: " + errno_text(errno));
    return std::make_unique<StreamSource>(path, descriptor);
}

uint64_t MessageSource::message_size(std::span<const std::byte> frame_header, uint64_t offset) const {
    ByteReader reader(frame_header);
    const auto more_segments = reader.get<uint32_t>();
    const uint64_t size = frame_header_bytes + uint64_t{reader.get<uint32_t>()} * sizeof(capnp::word);
    if (more_segments != 0 || size > max_message_bytes) {
        if (offset == 0)
            throw FileError(path_, "is not a trace");
        throw FileError(path_, "offset " + std::to_string(offset), "no message of a trace starts here");
    }
    return size;
}

void MessageSource::set_cut_short(uint64_t offset) {
    cut_short_ = "the file ends in the middle of the message at offset " + std::to_string(offset);
}

MappedSource::MappedSource(const std::string& path)
    : MessageSource(path), file_(std::make_shared<const MappedFile>(path)), bytes_(file_->bytes()) {}

MappedSource::MappedSource(std::string name, std::span<const std::byte> bytes,
                           std::shared_ptr<const void> owner)
    : MessageSource(std::move(name)), owner_(std::move(owner)), bytes_(bytes) {}

std::optional<Frame> MappedSource::next() {
    const auto rest = bytes().subspan(position_);
    if (rest.empty())
        return std::nullopt;
    if (rest.size() < frame_header_bytes ||
        message_size(rest.first(frame_header_bytes), position_) > rest.size()) {
        set_cut_short(position_);
        return std::nullopt;
    }
    const Frame frame = at(position_);
    position_ += frame.bytes.size();
    return frame;
}

Frame MappedSource::at(uint64_t offset) const {
    const auto all = bytes();
    if (offset % sizeof(capnp::word) != 0 || offset > all.size() || all.size() - offset < frame_header_bytes)
        throw FileError(path(),
                        "the index names offset " + std::to_string(offset) + ", where no message can be");
    const auto rest = all.subspan(offset);
    const uint64_t size = message_size(rest.first(frame_header_bytes), offset);
    if (size > rest.size())
        throw FileError(path(),
                        "the file ends in the middle of the message at offset " + std::to_string(offset));
    return {rest.first(size), offset, owner_of(rest.first(size))};
}

std::shared_ptr<const void> MappedSource::owner_of(std::span<const std::byte> message) const {
    if (!file_)
        return owner_;
    return {message.data(), [file = file_, message](const void*) { file->give_back(message); }};
}

}  // namespace panda::trace
