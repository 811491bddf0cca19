#include "analyzers/syscalls/timeline_writer.h"

#include <zlib.h>

#include <nlohmann/json.hpp>

#include "common/error.h"

namespace panda::syscalls {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t buffer_size = size_t{1} << 18;
constexpr double instr_per_microsecond = 1000;

// What is no UTF-8 becomes U+FFFD: JSON cannot hold it.
std::string dumped(const Json& object) {
    return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

// One gzip stream.
class TimelineWriter::Deflater {
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

TimelineWriter::TimelineWriter(const std::string& path) : path_(path), file_(path, IfExists::overwrite) {
    if (path.ends_with(".gz"))
        deflater_ = std::make_unique<Deflater>();
    buffer_ = "{\"displayTimeUnit\": \"ns\", \"traceEvents\": [\n";
}

TimelineWriter::~TimelineWriter() = default;

void TimelineWriter::add(const std::string& event) {
    buffer_ += (first_ ? "" : ",\n") + event;
    first_ = false;
    if (buffer_.size() >= buffer_size)
        flush(false);
}

void TimelineWriter::name_task(const Task& task) {
    std::string& name = names_[task.tid];
    if (name == task.name)
        return;
    name = task.name;
    const Json arguments = {{"name", task.name}};
    if (task.pid == task.tid)
        add(dumped({{"ph", "M"}, {"name", "process_name"}, {"pid", task.pid}, {"args", arguments}}));
    add(dumped(
        {{"ph", "M"}, {"name", "thread_name"}, {"pid", task.pid}, {"tid", task.tid}, {"args", arguments}}));
}

void TimelineWriter::end(const Call& call, const Return& result, const CallText& text) {
    name_task(call.task);
    Json event = {{"ph", result.ending == Ending::returned ? "X" : "B"},
                  {"name", call.name()},
                  {"pid", call.task.pid},
                  {"tid", call.task.tid},
                  {"ts", static_cast<double>(call.instr) / instr_per_microsecond}};
    if (result.ending == Ending::returned)
        event["dur"] = static_cast<double>(result.instr - call.instr) / instr_per_microsecond;
    event["args"] = {{"call", text.whole()}, {"result", text.result()}};
    add(dumped(event));
}

void TimelineWriter::flush(bool last) {
    if (deflater_)
        file_.write(deflater_->compress(buffer_, last));
    else
        file_.write(std::as_bytes(std::span(buffer_)));
    buffer_.clear();
}

void TimelineWriter::finish() {
    buffer_ += "\n]}\n";
    flush(true);
    file_.close();
}

}  // namespace panda::syscalls
