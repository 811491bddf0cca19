#include "analyzers/shared/timeline_file.h"

#include <zlib.h>

#include <span>

#include "common/bytes.h"
#include "common/error.h"
#include "common/json_value.h"

namespace panda::analyzers {
namespace {

constexpr size_t buffer_size = size_t{1} << 18;

}  // namespace

// One gzip stream.
class TimelineFile::Deflater {
  public:
    Deflater() {
        constexpr int gzip_format = 15 + 16;
        if (deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzip_format, 8, Z_DEFAULT_STRATEGY) !=
            Z_OK)
            throw Error("zlib cannot start");
    }
    ~Deflater() { deflateEnd(&stream_); }
    Deflater(const Deflater&) = delete;
    Deflater& operator=(const Deflater&) = delete;

    Bytes compress(const std::string& text, bool last) {
        Bytes out;
        std::byte piece[1 << 14];
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
        stream_.avail_in = static_cast<uInt>(text.size());
        do {
            stream_.next_out = reinterpret_cast<Bytef*>(piece);
            stream_.avail_out = sizeof piece;
            deflate(&stream_, last ? Z_FINISH : Z_NO_FLUSH);
            out.insert(out.end(), piece, piece + (sizeof piece - stream_.avail_out));
        } while (stream_.avail_out == 0);
        return out;
    }

  private:
    z_stream stream_{};
};

TimelineFile::TimelineFile(const std::string& path) : file_(path, IfExists::overwrite) {
    if (path.ends_with(".gz"))
        deflater_ = std::make_unique<Deflater>();
    buffer_ = "{\"displayTimeUnit\": \"ns\", \"traceEvents\": [\n";
}

TimelineFile::~TimelineFile() = default;

void TimelineFile::add(const Event& event) {
    buffer_ += (first_ ? "" : ",\n") + json_text(event);
    first_ = false;
    if (buffer_.size() >= buffer_size)
        flush(false);
}

void TimelineFile::name_process(int64_t pid, const std::string& name) {
    add({{"ph", "M"}, {"name", "process_name"}, {"pid", pid}, {"args", {{"name", name}}}});
}

void TimelineFile::name_thread(int64_t pid, int64_t tid, const std::string& name) {
    add({{"ph", "M"}, {"name", "thread_name"}, {"pid", pid}, {"tid", tid}, {"args", {{"name", name}}}});
}

void TimelineFile::flush(bool last) {
    if (deflater_)
        file_.write(deflater_->compress(buffer_, last));
    else
        file_.write(std::as_bytes(std::span(buffer_)));
    buffer_.clear();
}

void TimelineFile::finish() {
    buffer_ += "\n]}\n";
    flush(true);
    file_.close();
}

}  // namespace panda::analyzers
