// Framed Cap'n Proto messages with checksums: how one is made, and how one is checked. Internal to the
// library.
#pragma once

#include <capnp/message.h>
#include <capnp/serialize.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/bytes.h"
#include "trace/trace.capnp.h"

namespace panda::trace {

// Sizes in a framed message, bytes: a segment table for one segment and the root pointer stand before the
// root struct, which starts with the checksum.
inline constexpr size_t frame_header_bytes = 8;
inline constexpr size_t checksum_offset = 16;

// The value for Message.checksum: XXH3 of the framed message's first checked_bytes bytes, with the eight
// bytes at checksum_offset taken as zero. checked_bytes: at least 24, at most message.size().
uint64_t message_checksum(std::span<const std::byte> message, uint64_t checked_bytes);

// A column, compressed and ready to be written.
struct EncodedColumn {
    schema::ColumnId id;
    schema::Coding coding;
    schema::Compression compression = schema::Compression::NONE;
    uint64_t records = 0;
    uint64_t raw_size = 0;  // bytes, before compression
    uint64_t checksum = 0;  // of data
    Bytes data;
};

// Compresses `raw`, or keeps it as it is if that is not larger, and adds the checksum. records: how many
// things the column holds.
EncodedColumn encode_column(schema::ColumnId id, schema::Coding coding, uint64_t records,
                            std::span<const std::byte> raw, int compression_level);

// Builds one message in one segment.
class MessageDraft {
  public:
    // extra_bytes: an upper bound of what lists, texts and data will need beside the fixed structs.
    explicit MessageDraft(size_t extra_bytes);

    // The message to fill.
    schema::Message::Builder root() { return root_; }
    // Fills the list, which must have the size of `columns`. Everything else in the message must be set
    // before.
    void put_columns(capnp::List<schema::Column>::Builder list, std::span<const EncodedColumn> columns);
    // The message's checksum does not cover what is added after this. Called by put_columns.
    void end_checked_part();

    // The framed message, checksum included. Throws Error when the message is larger than max_message_bytes,
    // or than extra_bytes allowed for.
    Bytes finish();

  private:
    uint64_t size();

    capnp::MallocMessageBuilder builder_;
    schema::Message::Builder root_;
    std::optional<uint64_t> checked_bytes_;
};

// A message as it stands in a file, whole but not yet checked.
struct Frame {
    std::span<const std::byte> bytes;   // framed; 8-byte aligned
    uint64_t offset = 0;                // in the file
    std::shared_ptr<const void> owner;  // keeps the bytes alive
};

// A column of a message: its data in place, unchecked.
struct ColumnView {
    uint16_t id = 0;  // schema::ColumnId, or one that this version does not know
    uint16_t coding = 0;
    uint16_t compression = 0;
    uint64_t records = 0;
    uint64_t raw_size = 0;
    uint64_t checksum = 0;
    std::span<const std::byte> data;
};

// Checks and decompresses a column. Throws Error when its coding is not `coding`, when it claims to be larger
// than max_bytes, or when it is damaged.
Bytes decode_column(const ColumnView& column, schema::Coding coding, uint64_t max_bytes);

// The columns of a list. Throws Error when a column occurs twice.
std::vector<ColumnView> read_columns(capnp::List<schema::Column>::Reader list);
// The column with this id, or null.
const ColumnView* find_column(std::span<const ColumnView> columns, schema::ColumnId id);

// A message whose checksum is right. Reading its fields can still fail, for a file made in bad faith. So
// readers turn the message into values inside `parse`, which adds the file and the place to every failure.
class MessageView {
  public:
    // Throws FileError when the message is damaged. path: for errors.
    MessageView(Frame frame, std::string path);

    // Calls function(schema::Message::Reader) and returns what it returns. Throws FileError when it throws.
    template <typename Function>
    auto parse(Function&& function) const -> decltype(function(std::declval<schema::Message::Reader>())) {
        return guarded_parse(frame_, path_,
                             [&] { return function(reader_->template getRoot<schema::Message>()); });
    }
    // The kind of message. frame(): its bytes and its place.
    schema::Message::Which which() const { return which_; }
    const Frame& frame() const { return frame_; }

    // Calls function(), and turns Error and kj::Exception into a FileError that names the frame's place.
    template <typename Function>
    static auto guarded_parse(const Frame& frame, const std::string& path, Function&& function)
        -> decltype(function()) {
        try {
            return function();
        } catch (const kj::Exception& exception) {
            fail(frame, path, exception.getDescription().cStr());
        } catch (const Error& error) {
            fail(frame, path, error.what());
        }
    }

  private:
    [[noreturn]] static void fail(const Frame& frame, const std::string& path, const std::string& reason);

    Frame frame_;
    std::string path_;
    std::unique_ptr<capnp::FlatArrayMessageReader> reader_;
    schema::Message::Which which_ = schema::Message::HEADER;
};

}  // namespace panda::trace
