#include "recorder/format/chunk_reader.h"

#include "common/checksum.h"
#include "common/compression.h"

namespace panda::recording {
namespace {

std::string place_text(const ChunkPlace& chunk) {
    return "chunk " + std::to_string(chunk.header.number) + " at offset " + std::to_string(chunk.offset);
}

}  // namespace

ChunkReader::ChunkReader(const std::string& path) : file_(path) {
    try {
        check_file_header(file_.bytes());
    } catch (const Error& error) {
        throw FileError(path, error.what());
    }
    walk();
}

void ChunkReader::walk() {
    const auto file = file_.bytes();
    uint64_t offset = file_header_size;
    while (file.size() - offset >= chunk_header_size && !complete()) {
        const auto number = static_cast<uint32_t>(chunks_.size());
        try {
            const auto header = file.subspan(offset).first<chunk_header_size>();
            chunks_.push_back({decode_chunk_header(header, number), offset});
        } catch (const Error& error) {
            fail({{.number = number}, offset}, error.what());
        }
        offset += chunk_header_size;
        const uint32_t stored = chunks_.back().header.stored_size;
        if (stored > file.size() - offset) {
            chunks_.pop_back();  // cut short within this chunk
            return;
        }
        offset += stored;
    }
    if (complete() && offset != file.size())
        throw FileError(path(),
                        std::to_string(file.size() - offset) + " bytes follow the recording's trailer");
}

bool ChunkReader::complete() const {
    return !chunks_.empty() && chunks_.back().header.type == ChunkType::trailer;
}

Bytes ChunkReader::read(const ChunkPlace& chunk) const {
    const auto stored = file_.bytes().subspan(chunk.offset + chunk_header_size, chunk.header.stored_size);
    if (checksum(stored) != chunk.header.checksum)
        fail(chunk, "its data is damaged: the checksum does not match");
    try {
        return decompress(stored, chunk.header.raw_size);
    } catch (const Error& error) {
        fail(chunk, error.what());
    }
}

void ChunkReader::fail(const ChunkPlace& chunk, const std::string& reason) const {
    throw FileError(path(), place_text(chunk), reason);
}

}  // namespace panda::recording
