#include "recorder/format/chunk_writer.h"

#include <utility>

#include "common/checksum.h"
#include "recorder/format/frame_compressor.h"

namespace panda::recording {
namespace {

constexpr uint64_t maximum_under_way = uint64_t{64} << 20;  // bytes
constexpr size_t maximum_spare = 8;
constexpr size_t maximum_spare_size = 2 << 20;  // bytes each

}  // namespace

ChunkWriter::ChunkWriter(const std::string& path, IfExists if_exists, unsigned threads)
    : file_(path, if_exists), pool_(threads) {
    file_.write(encode_file_header());
}

void ChunkWriter::submit(ChunkType type, int level, uint64_t cost, std::function<Bytes()> encode) {
    {
        std::unique_lock lock(mutex_);
        changed_.wait(lock,
                      [&] { return failure_ || under_way_ == 0 || under_way_ + cost <= maximum_under_way; });
        rethrow_failure();
        under_way_ += cost;
    }
    ChunkHeader header;
    header.type = type;
    header.number = submitted_++;
    pool_.submit([this, header, level, cost, encode = std::move(encode)] {
        try {
            encode_chunk(header, level, cost, encode);
        } catch (...) {
            fail(std::current_exception());
        }
    });
}

void ChunkWriter::drain() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return failure_ || written_ == submitted_; });
    rethrow_failure();
}

void ChunkWriter::close() {
    drain();
    file_.close();
}

Bytes ChunkWriter::spare_buffer() {
    const std::lock_guard lock(mutex_);
    if (spare_.empty())
        return {};
    Bytes buffer = std::move(spare_.back());
    spare_.pop_back();
    return buffer;
}

void ChunkWriter::recycle(Bytes buffer) {
    if (buffer.capacity() > maximum_spare_size)
        return;
    buffer.clear();
    const std::lock_guard lock(mutex_);
    if (spare_.size() < maximum_spare)
        spare_.push_back(std::move(buffer));
}

std::array<PartStatistics, chunk_types> ChunkWriter::statistics() const {
    const std::lock_guard lock(mutex_);
    return statistics_;
}

void ChunkWriter::encode_chunk(ChunkHeader header, int level, uint64_t cost,
                               const std::function<Bytes()>& encode) {
    Bytes raw = encode();
    if (raw.size() > maximum_raw_size(header.type))
        throw FileError(file_.path(), std::string("a ") + chunk_type_name(header.type) + " chunk of " +
                                          std::to_string(raw.size()) + " bytes is too large");
    thread_local FrameCompressor compressor;
    const auto stored = compressor.compress(raw, level);
    Chunk chunk{header, Bytes(stored.begin(), stored.end()), cost};
    chunk.header.raw_size = static_cast<uint32_t>(raw.size());
    chunk.header.stored_size = static_cast<uint32_t>(stored.size());
    chunk.header.checksum = checksum(stored);
    recycle(std::move(raw));
    std::unique_lock lock(mutex_);
    ready_.emplace(header.number, std::move(chunk));
    write_ready(lock);
}

// The thread that completes the chunk for which the file waits writes it and the ready ones after it. The
// other threads go on compressing meanwhile.
void ChunkWriter::write_ready(std::unique_lock<std::mutex>& lock) {
    if (writing_)
        return;
    writing_ = true;
    while (!failure_ && !ready_.empty() && ready_.begin()->first == written_) {
        const Chunk chunk = std::move(ready_.extract(ready_.begin()).mapped());
        lock.unlock();
        file_.write(encode_chunk_header(chunk.header));
        file_.write(chunk.stored);
        lock.lock();
        ++written_;
        under_way_ -= chunk.cost;
        statistics_[static_cast<size_t>(chunk.header.type)] +=
            {1, chunk.header.raw_size, chunk_header_size + chunk.stored.size()};
        changed_.notify_all();
    }
    writing_ = false;
}

void ChunkWriter::fail(std::exception_ptr failure) {
    const std::lock_guard lock(mutex_);
    if (!failure_)
        failure_ = std::move(failure);
    ready_.clear();
    changed_.notify_all();
}

void ChunkWriter::rethrow_failure() const {
    if (failure_)
        std::rethrow_exception(failure_);
}

}  // namespace panda::recording
