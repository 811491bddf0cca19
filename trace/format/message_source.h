// Where messages come from: a mapped file, or a pipe that can only be read once. Internal.
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

    // Opens a file, a named pipe, or with "-" standard input. Throws FileError.
    static std::unique_ptr<MessageSource> open(const std::string& path);

    // The next whole message; nothing when there is none. Throws FileError for what is not a framed message.
    // A last message that is cut short is not one: see cut_short().
    virtual std::optional<Frame> next() = 0;

    // After next() gave nothing: where the file was cut in the middle of a message, in words; empty when it
    // ends between two messages.
    const std::string& cut_short() const { return cut_short_; }
    const std::string& path() const { return path_; }

  protected:
    explicit MessageSource(std::string path) : path_(std::move(path)) {}
    // Size of the framed message that begins with these 8 bytes. Throws FileError.
    uint64_t message_size(std::span<const std::byte> frame_header, uint64_t offset) const;
    void set_cut_short(uint64_t offset);

  private:
    std::string path_;
    std::string cut_short_;
};

// A regular file, mapped, or what is in memory already. Copies share the bytes and have positions of their
// own.
class MappedSource final : public MessageSource {
  public:
    explicit MappedSource(const std::string& path);
    // bytes: 8-byte aligned, and there as long as `owner`. name: in place of the path.
    MappedSource(std::string name, std::span<const std::byte> bytes, std::shared_ptr<const void> owner);

    std::optional<Frame> next() override;
    // next() continues at this offset. Throws FileError as at() does.
    void seek(uint64_t offset) { position_ = at(offset).offset; }
    // The message at an offset that the file itself names. Throws FileError when there is none.
    Frame at(uint64_t offset) const;
    std::span<const std::byte> bytes() const { return bytes_; }

  private:
    std::shared_ptr<const void> owner_;
    std::span<const std::byte> bytes_;
    uint64_t position_ = 0;
};

}  // namespace panda::trace
