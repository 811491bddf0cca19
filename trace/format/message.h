// Framed Cap'n Proto messages with checksums: how one is made and how one is believed. Internal to the
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

// Sizes of a framed message: a segment table for one segment and the root pointer stand before the root
// struct.
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
    uint64_t raw_size = 0;
    uint64_t checksum = 0;
    Bytes data;
};

// Compresses `raw` unless that makes it longer, and takes the checksum.
EncodedColumn encode_column(schema::ColumnId id, schema::Coding coding, uint64_t records,
                            std::span<const std::byte> raw, int compression_level);

// Builds one message in one segment.
class MessageDraft {
  public:
    // extra_bytes: an upper bound of what lists, texts and data will need beside the fixed structs.
    explicit MessageDraft(size_t extra_bytes);

    schema::Message::Builder root() { return root_; }
    // Fills the list, whose size is that of `columns`. Everything else of the message must be set before.
    void put_columns(capnp::List<schema::Column>::Builder list, std::span<const EncodedColumn> columns);
    // What is added from here on is not under the message's checksum. Called by put_columns.
    void end_checked_part();

    // The framed message, checksum included. Throws Error when the message is over max_message_bytes.
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
    std::shared_ptr<const void> owner;  // of the bytes
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

// Checks and decompresses a column. Throws Error when it is not of `coding`, says that it is larger than
// max_bytes, or is damaged.
Bytes decode_column(const ColumnView& column, schema::Coding coding, uint64_t max_bytes);

// The columns of a list. Throws Error when one occurs twice.
std::vector<ColumnView> read_columns(capnp::List<schema::Column>::Reader list);
// The column of this id, or null.
const ColumnView* find_column(std::span<const ColumnView> columns, schema::ColumnId id);

// A message whose checksum was right. Reading its fields can still fail, for a file made in bad faith: so
// readers turn it into values inside `parse`, which gives every failure the file and the place.
class MessageView {
  public:
    // Throws FileError when the message is damaged. path: for errors.
    MessageView(Frame frame, std::string path);

    template <typename Function>
    auto parse(Function&& function) const -> decltype(function(std::declval<schema::Message::Reader>())) {
        return guarded_parse(frame_, path_,
                             [&] { return function(reader_->template getRoot<schema::Message>()); });
    }
    schema::Message::Which which() const { return which_; }
    const Frame& frame() const { return frame_; }

    // Runs function; turns Error and kj::Exception into FileError at the frame's place.
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
