#include "trace/coding/page_codec.h"

#include "common/error.h"
#include "trace/coding/streams.h"
#include "trace/limits.h"

namespace panda::trace {
namespace {

constexpr unsigned frame_bits = 52;  // a 64-bit address without the 12 bits of the offset in a page
constexpr unsigned block_page_bits = 32;

constexpr uint64_t low_bits(unsigned bits) {
    return (uint64_t{1} << bits) - 1;
}

// Writes strictly ascending numbers.
class KeyWriter {
  public:
    void put(ByteWriter& out, uint64_t key) {
        out.put_varint(key - next_);
        next_ = key + 1;
    }

  private:
    uint64_t next_ = 0;
};

class KeyReader {
  public:
    // limit: the largest value that the key may have.
    uint64_t get(ByteReader& in, uint64_t limit) {
        const uint64_t step = in.get_varint();
        if (next_ > limit || step > limit - next_)
            throw Error("lists an impossible page");
        const uint64_t key = next_ + step;
        next_ = key + 1;
        return key;
    }

  private:
    uint64_t next_ = 0;
};

}  // namespace

void check_translation(const Translation& translation) {
    if (translation.page > low_bits(frame_bits) || translation.frame > low_bits(frame_bits) ||
        translation.address_space >= max_physical_address_spaces)
        throw Error("a translation leads to an impossible place");
}

Bytes encode_translations(std::span<const Translation> translations) {
    ByteWriter pages;
    ByteWriter frames;
    ByteWriter spaces;
    KeyWriter keys;
    uint64_t last = 0;
    for (const Translation& translation : translations) {
        keys.put(pages, translation.page);
        const uint64_t distance = translation.frame - translation.page;
        frames.put_varint(zigzag_encode(static_cast<int64_t>(distance - last)));
        last = distance;
        spaces.put_varint(translation.address_space);
    }
    return join_streams(std::array{pages.bytes(), frames.bytes(), spaces.bytes()});
}

std::vector<Translation> decode_translations(std::span<const std::byte> column, uint64_t count) {
    if (count > max_chunk_translations)
        throw Error("has more translations than a chunk can");
    const auto streams = split_streams<3>(column);
    ByteReader pages(streams[0]);
    ByteReader frames(streams[1]);
    ByteReader spaces(streams[2]);
    KeyReader keys;
    uint64_t distance = 0;
    std::vector<Translation> translations;
    for (uint64_t i = 0; i < count; ++i) {
        Translation translation;
        translation.page = keys.get(pages, low_bits(frame_bits));
        distance += static_cast<uint64_t>(zigzag_decode(frames.get_varint()));
        translation.frame = translation.page + distance;
        const uint64_t space = spaces.get_varint();
        if (translation.frame > low_bits(frame_bits) || space >= max_physical_address_spaces)
            throw Error("has a translation that leads to an impossible place");
        translation.address_space = static_cast<uint32_t>(space);
        translations.push_back(translation);
    }
    if (!pages.at_end() || !frames.at_end() || !spaces.at_end())
        throw Error("has more translations than it says");
    return translations;
}

Bytes encode_written_pages(const WrittenPages& pages) {
    ByteWriter out;
    out.put(static_cast<uint8_t>(pages.complete ? 1 : 0));
    out.put_varint(pages.physical.size());
    KeyWriter physical;
    for (const PhysicalPage& page : pages.physical)
        physical.put(out, uint64_t{page.address_space} << frame_bits | page.frame);
    KeyWriter transferred;
    for (const BlockPage& page : pages.transferred)
        transferred.put(out, uint64_t{page.block} << block_page_bits | page.page);
    return out.take();
}

WrittenPages decode_written_pages(std::span<const std::byte> column, uint64_t count) {
    ByteReader in(column);
    WrittenPages pages;
    const auto complete = in.get<uint8_t>();
    const uint64_t physical_count = in.get_varint();
    if (complete > 1 || physical_count > count || count > column.size())
        throw Error("has an impossible list of pages");
    pages.complete = complete == 1;
    KeyReader physical;
    for (uint64_t i = 0; i < physical_count; ++i) {
        const uint64_t key =
            physical.get(in, uint64_t{max_physical_address_spaces - 1} << frame_bits | low_bits(frame_bits));
        pages.physical.push_back({static_cast<uint32_t>(key >> frame_bits), key & low_bits(frame_bits)});
    }
    KeyReader transferred;
    for (uint64_t i = physical_count; i < count; ++i) {
        const uint64_t key = transferred.get(in, (uint64_t{max_memory_blocks} << block_page_bits) - 1);
        pages.transferred.push_back(
            {static_cast<uint32_t>(key >> block_page_bits), key & low_bits(block_page_bits)});
    }
    if (!in.at_end())
        throw Error("lists more pages than it says");
    return pages;
}

}  // namespace panda::trace
