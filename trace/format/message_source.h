// Where messages come from: a mapped file, or a pipe, which can only be read once. Internal.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "common/file.h"
#include "trace/format/message.h"

namespace panda::trace {

class MessageSource {
  public:
    virtual ~MessageSource() = default;

    // Opens a file or a named pipe, or standard input if the path is "-". Throws FileError.
    static std::unique_ptr<MessageSource> open(const std::string& path);

    // The next whole message; nothing if there is none. A last message that is cut short does not count: see
    // cut_short(). Throws FileError for anything that is not a framed message.
    virtual std::optional<Frame> next() = 0;

    // After next() returned nothing: a sentence that says where the file ends in the middle of a message;
    // empty if it ends between two messages.
    const std::string& cut_short() const { return cut_short_; }
    // The path, for errors.
    const std::string& path() const { return path_; }

  protected:
    explicit MessageSource(std::string path) : path_(std::move(path)) {}
    // Size in bytes of the framed message that starts with these 8 bytes. offset: where in the file. Throws
    // FileError if no message can start so.
    uint64_t message_size(std::span<const std::byte> frame_header, uint64_t offset) const;
    // offset: of the message that is not whole.
    void set_cut_short(uint64_t offset);

  private:
    std::string path_;
    std::string cut_short_;
};

// Messages of a regular file, which is mapped, or of bytes that are in memory already. Copies share the
// bytes, and each has its own position. Who lets go of a message gives the memory back that it took, so that a pass
// over a file of any size takes no more than what it is reading.
class MappedSource final : public MessageSource {
  public:
    // Maps the file. Throws FileError.
    explicit MappedSource(const std::string& path);
    // name: what errors say in place of a path. bytes: 8-byte aligned. owner: keeps the bytes alive.
    MappedSource(std::string name, std::span<const std::byte> bytes, std::shared_ptr<const void> owner);

    std::optional<Frame> next() override;
    // Makes next() continue at this offset. Throws FileError as at() does.
    void seek(uint64_t offset) { position_ = at(offset).offset; }
    // The message at an offset that the index names. Throws FileError when there is no whole message.
    Frame at(uint64_t offset) const;
    // The whole file.
    std::span<const std::byte> bytes() const { return bytes_; }

  private:
    std::shared_ptr<const void> owner_of(std::span<const std::byte> message) const;

    std::shared_ptr<const MappedFile> file_;  // null for bytes in memory
    std::shared_ptr<const void> owner_;       // of bytes in memory
    std::span<const std::byte> bytes_;
    uint64_t position_ = 0;
};

}  // namespace panda::trace
