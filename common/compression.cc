#include "common/compression.h"

#include <zstd.h>

#include <memory>
#include <string>

namespace panda {
namespace {

// Contexts are costly to make (hundreds of KiB), so each thread reuses one.
struct FreeContext {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

}  // namespace

Bytes compress(std::span<const std::byte> raw, int level) {
    thread_local const std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
    Bytes frame(ZSTD_compressBound(raw.size()));
    const size_t size =
        ZSTD_compressCCtx(context.get(), frame.data(), frame.size(), raw.data(), raw.size(), level);
    if (ZSTD_isError(size))
        throw Error(std::string("zstd cannot compress: ") + ZSTD_getErrorName(size));
    frame.resize(size);
    return frame;
}

Bytes decompress(std::span<const std::byte> frame, uint64_t raw_size) {
    thread_local const std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
    Bytes raw(raw_size);
    const size_t size =
        ZSTD_decompressDCtx(context.get(), raw.data(), raw.size(), frame.data(), frame.size());
    if (ZSTD_isError(size))
        throw Error(std::string("damaged zstd data: ") + ZSTD_getErrorName(size));
    if (size != raw_size)
        throw Error("zstd data of an unexpected size");
    return raw;
}

}  // namespace panda
