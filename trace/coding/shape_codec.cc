#include "trace/coding/shape_codec.h"

#include "trace/coding/streams.h"

namespace panda::trace {

void ShapeEncoder::put(uint64_t& last, uint64_t mask) {
    out_.put_varint(run_);
    out_.put_varint(mask ^ last);
    run_ = 0;
    last = mask;
}

void ShapeEncoder::put_cut_bit(bool bit) {
    byte_ = static_cast<uint8_t>(byte_ | (bit ? 1u << bits_ : 0u));
    if (++bits_ == 8)
        end_cut();
}

void ShapeEncoder::end_cut() {
    if (bits_ > 0)
        cuts_.put(byte_);
    byte_ = 0;
    bits_ = 0;
}

Bytes ShapeEncoder::take() {
    const Bytes masks = out_.take();
    const Bytes cuts = cuts_.take();
    run_ = masks_ = 0;
    return join_streams(std::array<std::span<const std::byte>, 2>{masks, cuts});
}

void ShapeDecoder::start(std::span<const std::byte> column) {
    const auto streams = split_streams<2>(column);
    in_ = ByteReader(streams[0]);
    cuts_ = ByteReader(streams[1]);
    bits_ = 0;
    read_run();
}

void ShapeDecoder::read_run() {
    last_run_ = in_.at_end();
    run_ = last_run_ ? ~uint64_t{0} : in_.get_varint();
}

void ShapeDecoder::read_mask(uint64_t& last) {
    if (last_run_)
        throw Error("has an endless run");
    last ^= in_.get_varint();
    read_run();
}

bool ShapeDecoder::cut_bit() {
    if (bits_ == 0) {
        byte_ = cuts_.get<uint8_t>();
        bits_ = 8;
    }
    const bool bit = (byte_ & 1) != 0;
    byte_ = static_cast<uint8_t>(byte_ >> 1);
    --bits_;
    return bit;
}

void ShapeDecoder::end_cut() {
    if (bits_ > 0 && byte_ != 0)
        throw Error("cuts a block after its end");
    bits_ = 0;
}

void ShapeDecoder::check_end() const {
    if (!last_run_ || !cuts_.at_end())
        throw Error("has more masks of operations than it says");
}

}  // namespace panda::trace
