// zstd for one chunk after the other, without new memory for each: in a snapshot of hundreds of chunks, page
// faults in new buffers would cost as much as the compression.
#pragma once

#include <zstd.h>

#include <memory>
#include <span>

#include "common/bytes.h"

namespace panda::recording {

class FrameCompressor {
  public:
    // One zstd frame, valid until the next call. Throws Error when memory runs out.
    std::span<const std::byte> compress(std::span<const std::byte> raw, int level) {
        if (buffer_.size() < ZSTD_compressBound(raw.size()))
            buffer_.resize(ZSTD_compressBound(raw.size()));
        const size_t size =
            ZSTD_compressCCtx(context_.get(), buffer_.data(), buffer_.size(), raw.data(), raw.size(), level);
        if (ZSTD_isError(size))
            throw Error(std::string("zstd cannot compress: ") + ZSTD_getErrorName(size));
        return std::span(buffer_).first(size);
    }

  private:
    struct FreeContext {
        void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
    };
    std::unique_ptr<ZSTD_CCtx, FreeContext> context_{ZSTD_createCCtx()};
    Bytes buffer_;
};

}  // namespace panda::recording
